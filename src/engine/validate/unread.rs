use super::{Compare, Difference, FieldDifference};
use crate::entities::Unreadable;

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
