use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::entities::Readable;
use crate::error::{Error, Result};

/// Objects, one page at a time.
pub type Pages<'a, T> = BoxStream<'a, Result<Vec<T>>>;

enum Next {
    /// The token, and digests of all earlier tokens.
    Page(Option<String>, HashSet<(u64, u64)>),
    End,
}

/// Follows page tokens. `fetch` takes the token (`None` for the first page) and returns the page and the next token.
pub fn pages<'a, T, F, Fut>(fetch: F) -> Pages<'a, T>
where
    T: Send + 'a,
    F: Fn(Option<String>) -> Fut + Send + Sync + Clone + 'a,
    Fut: Future<Output = Result<(Vec<T>, Option<String>)>> + Send + 'a,
{
    stream::try_unfold(Next::Page(None, HashSet::new()), move |next| {
        let fetch = fetch.clone();
        async move {
            let Next::Page(token, mut before) = next else { return Ok(None) };
            let (page, following) = fetch(token).await?;
            let next = match following.filter(|token| !token.is_empty()) {
                None => Next::End,
                // MLflow 3.1 to 3.13 repeats the token of get-history if a request has no max_results.
                Some(known) if !before.insert(digest(&known)) => return Err(circle()),
                Some(following) => Next::Page(Some(following), before),
            };
            Ok(Some((page, next)))
        }
    })
    .boxed()
}

pub fn circle() -> Error {
    Error::permanent("the server returns the same page again and again")
}

/// The most passes over a list, to find objects that moved between its pages. If each pass finds new objects, users are
/// creating objects at the same time.
const MAX_PASSES: usize = 5;
/// This many pages in a row may have no new object, in addition to the number of pages that is already known.
const MAX_EMPTY_PAGES: usize = 100;

/// A list of objects, of which some may be unreadable.
pub type Listing<'a, T> = Pages<'a, Readable<T>>;

/// Reads a list that may change in the meantime. MLflow's page tokens are offsets (`utils/search_utils.py`,
/// `create_page_token`). If an object before the offset is deleted, the next page skips another object; if one is added
/// there, the next page repeats an object. So each object is returned only once, and a list of more than one page is
/// read again until a pass finds no new objects. `key` identifies an object; 16 bytes are kept for each.
///
/// Histories of metrics do not need this: nothing deletes a point, and a repeated point is the same point.
pub fn listing<'a, T, K, F, Fut>(key: K, fetch: F) -> Listing<'a, T>
where
    T: Send + 'a,
    K: Fn(&T) -> String + Send + Sync + 'a,
    F: Fn(Option<String>) -> Fut + Send + Sync + Clone + 'a,
    Fut: Future<Output = Result<(Vec<Readable<T>>, Option<String>)>> + Send + 'a,
{
    let key = Arc::new(key);
    let pass = Pass { pages: pages(fetch.clone()), number: 1, read: 0, found: false, barren: 0, known: 0 };
    stream::try_unfold((pass, HashSet::new()), move |(mut pass, mut seen)| {
        let (key, fetch) = (Arc::clone(&key), fetch.clone());
        async move {
            loop {
                let Some(page) = pass.pages.next().await.transpose()? else {
                    if pass.read < 2 || !pass.found || pass.number == MAX_PASSES {
                        return Ok(None);
                    }
                    let number = pass.number + 1;
                    let (pages, known) = (pages(fetch.clone()), pass.read);
                    pass = Pass { pages, number, read: 0, found: false, barren: 0, known };
                    continue;
                };
                pass.read += 1;
                let is_new = |item: &Readable<T>| match item {
                    Ok(item) => seen.insert(digest(&key(item))),
                    Err(unreadable) => seen.insert(digest(&unreadable.id)),
                };
                let new: Vec<_> = page.into_iter().filter(is_new).collect();
                pass.found |= !new.is_empty();
                pass.barren = if new.is_empty() { pass.barren + 1 } else { 0 };
                if pass.barren > pass.known + MAX_EMPTY_PAGES {
                    return Err(circle());
                }
                // The first page is returned even if it is empty, because a caller may wait for it.
                if !new.is_empty() || pass.number + pass.read == 2 {
                    return Ok(Some((new, (pass, seen))));
                }
            }
        }
    })
    .boxed()
}

/// The same for a list in which an unreadable object is an error, such as the list of existing objects on a target.
pub fn strict<'a, T: Send + 'a>(listing: Listing<'a, T>) -> Pages<'a, T> {
    listing.map(|page| page?.into_iter().map(|item| item.map_err(Error::from)).collect()).boxed()
}

/// One pass over a list.
struct Pass<'a, T> {
    pages: Listing<'a, T>,
    number: usize,
    read: usize,
    found: bool,
    /// The number of pages in a row without a new object.
    barren: usize,
    /// The number of pages of the previous pass.
    known: usize,
}

/// Wide enough to avoid collisions among many million keys.
fn digest(key: &str) -> (u64, u64) {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, key).hash(&mut hasher);
        hasher.finish()
    };
    (half(0), half(1))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn follows_tokens_to_the_end_and_refuses_a_circle() {
        let three = pages(|token: Option<String>| async move {
            let n: u32 = token.map_or(0, |t| t.parse().unwrap());
            Ok((vec![n], (n < 2).then(|| (n + 1).to_string())))
        });
        assert_eq!(three.try_concat().await.unwrap(), [0, 1, 2]);
        let circle = pages(|_| async { Ok((vec![0], Some("again".to_owned()))) });
        assert!(circle.try_concat().await.is_err());
        let two = pages(|token: Option<String>| async move {
            let next = if token.as_deref() == Some("a") { "b" } else { "a" };
            Ok((vec![0], Some(next.to_owned())))
        });
        assert!(two.try_concat().await.is_err());
        let barren = listing(u64::to_string, |token: Option<String>| async move {
            let n: u64 = token.map_or(0, |t| t.parse().unwrap());
            Ok((vec![Ok(7)], Some((n + 1).to_string())))
        });
        assert!(barren.try_concat().await.is_err(), "a new token each time, and always the same object");
    }

    /// A server that pages by offset, as MLflow does. `change` is applied to its list after each request, and gets the
    /// number of the request.
    async fn read(list: Vec<u32>, change: impl Fn(usize, &mut Vec<u32>) + Send + Sync) -> (Vec<u32>, usize) {
        const SIZE: usize = 3;
        let server = Mutex::new((list, 0));
        let fetch = |token: Option<String>| {
            let mut server = server.lock().unwrap();
            let (list, requests) = &mut *server;
            let start: usize = token.map_or(0, |token| token.parse().unwrap());
            let page: Vec<Readable<u32>> = list.iter().skip(start).take(SIZE).copied().map(Ok).collect();
            let next = (start + SIZE < list.len()).then(|| (start + SIZE).to_string());
            *requests += 1;
            change(*requests, list);
            async move { Ok((page, next)) }
        };
        let all = strict(listing(u32::to_string, fetch)).try_concat().await.unwrap();
        let requests = server.lock().unwrap().1;
        (all, requests)
    }

    #[tokio::test]
    async fn a_list_without_changes_is_returned_once() {
        assert_eq!(read(vec![1, 2, 3], |_, _| {}).await, (vec![1, 2, 3], 1));
        assert_eq!(
            read(vec![1, 2, 3, 4], |_, _| {}).await,
            (vec![1, 2, 3, 4], 4),
            "the list is read a second time"
        );
        assert_eq!(read(Vec::new(), |_, _| {}).await, (vec![], 1));
    }

    #[tokio::test]
    async fn a_deletion_before_the_offset_loses_no_other_object() {
        let deletes = |request, list: &mut Vec<u32>| {
            if request == 1 {
                list.drain(..3);
            }
        };
        let (mut all, _) = read((1..=9).collect(), deletes).await;
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, 8, 9], "4, 5 and 6 moved to the page that was read");
    }

    #[tokio::test]
    async fn an_addition_before_the_offset_is_found_and_repeats_no_object() {
        let adds = |request, list: &mut Vec<u32>| {
            if request == 2 {
                list.splice(..0, [10, 11, 12]);
            }
        };
        let (all, _) = read((1..=9).collect(), adds).await;
        assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }

    /// For a change at any request and any place: objects that exist from start to end are returned exactly once.
    #[tokio::test]
    async fn an_object_that_stays_is_returned_once_for_any_change() {
        for request in 1..6 {
            for at in 0..10 {
                for (removed, added) in [(1, 0), (2, 0), (4, 0), (0, 1), (0, 4), (3, 3)] {
                    let change = |now, list: &mut Vec<u32>| {
                        if now == request && at + removed <= list.len() {
                            list.splice(at..at + removed, 100..100 + added);
                        }
                    };
                    let (mut all, _) = read((0..10).collect(), change).await;
                    all.sort_unstable();
                    let count = all.len();
                    all.dedup();
                    assert_eq!(all.len(), count, "doubled: {request} {at} {removed} {added}");
                    let gone = at as u32..(at + removed) as u32;
                    let missing: Vec<u32> =
                        (0..10).filter(|n| !gone.contains(n) && !all.contains(n)).collect();
                    assert!(missing.is_empty(), "{missing:?} lost: {request} {at} {removed} {added}");
                }
            }
        }
    }

    #[tokio::test]
    async fn reading_a_list_that_grows_ends() {
        let grows = |request, list: &mut Vec<u32>| list.push(1_000 + request as u32);
        let (all, requests) = read((0..5).collect(), grows).await;
        assert!(all.len() >= 5 && requests < 1_000, "{requests}");
    }
}
