use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::error::{Error, Result};

/// Objects, a page at a time.
pub type Pages<'a, T> = BoxStream<'a, Result<Vec<T>>>;

enum Next {
    Page(Option<String>),
    End,
}

/// Follows page tokens. `fetch` gets the token (none for the first page) and gives the page and the next token.
pub fn pages<'a, T, F, Fut>(fetch: F) -> Pages<'a, T>
where
    T: Send + 'a,
    F: Fn(Option<String>) -> Fut + Send + Sync + Clone + 'a,
    Fut: Future<Output = Result<(Vec<T>, Option<String>)>> + Send + 'a,
{
    stream::try_unfold(Next::Page(None), move |next| {
        let fetch = fetch.clone();
        async move {
            let Next::Page(token) = next else { return Ok(None) };
            let (page, following) = fetch(token.clone()).await?;
            let next = match following.filter(|token| !token.is_empty()) {
                None => Next::End,
                // MLflow 3.1 to 3.13 did this to get-history without max_results.
                Some(same) if Some(&same) == token.as_ref() => {
                    return Err(Error::permanent("the server gives the same page again and again"));
                }
                Some(following) => Next::Page(Some(following)),
            };
            Ok(Some((page, next)))
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    #[tokio::test]
    async fn follows_tokens_to_the_end_and_refuses_a_circle() {
        let three = pages(|token: Option<String>| async move {
            let n: u32 = token.map_or(0, |t| t.parse().unwrap());
            Ok((vec![n], (n < 2).then(|| (n + 1).to_string())))
        });
        assert_eq!(three.try_concat().await.unwrap(), [0, 1, 2]);
        let circle = pages(|_| async { Ok((vec![0], Some("again".to_owned()))) });
        assert!(circle.try_concat().await.is_err());
    }
}
