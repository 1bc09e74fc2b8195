use futures::{StreamExt, stream};

use super::{Compare, Difference, FieldDifference};
use crate::entities::{Kind, Readable, Unreadable};
use crate::io::Pages;

/// A list that breaks off for a reason of its own says so as an item: one side that is not shown must never look like one
/// that is empty, nor hide what can be compared. `of` is what the objects belong to.
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
        // Both sides are read in step: the shorter list is asked again after its end.
        .fuse()
        .boxed()
}

impl Compare {
    /// Counts what one side cannot show as an item of its own each.
    pub(super) async fn unread(&self, unread: Vec<Unreadable>, is_source: bool) {
        for Unreadable { kind, id, reason } in unread {
            let (source, target) = if is_source { (Some(reason), None) } else { (None, Some(reason)) };
            let field = FieldDifference { field: "reading it".to_owned(), source, target };
            self.context.plan(kind, 1).await;
            self.found(Difference::unreadable(kind, &id, &id, field)).await;
        }
    }
}
