use futures::{StreamExt, stream};

use super::{Compare, Difference, FieldDifference};
use crate::entities::{Kind, Readable, Unreadable};
use crate::io::Pages;

/// Turns an error in a list into an unreadable item. A list that cannot be read must not look like an empty list, and
/// must not prevent the comparison of the other objects. `of` is the owner of the objects.
pub fn whole_list<'a, T: Send + 'a>(
    kind: Kind,
    of: String,
    pages: Pages<'a, Readable<T>>,
) -> Pages<'a, Readable<T>> {
    pages
        .flat_map(move |page| {
            let page = match page {
                Err(error) if error.is_about_object() => {
                    Ok(vec![Err(Unreadable::rest_of_list(kind, &of, error))])
                }
                page => page,
            };
            stream::iter([page])
        })
        // Both sides are read in step, so the shorter list is polled again after its end.
        .fuse()
        .boxed()
}

impl Compare {
    /// Reports each object that one side cannot return as a separate item.
    pub(super) async fn unread(&self, unread: Vec<Unreadable>, is_source: bool) {
        for Unreadable { kind, id, reason } in unread {
            let (source, target) = if is_source { (Some(reason), None) } else { (None, Some(reason)) };
            let field = FieldDifference { field: "reading it".to_owned(), source, target };
            self.context.plan(kind, 1).await;
            self.found(Difference::unreadable(kind, &id, &id, field)).await;
        }
    }
}
