//! Lists that break off: the objects that were read are kept, and the rest is reported.

use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::RestReader;
use crate::entities::{Kind, Readable, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{Listing, Pages};

impl RestReader {
    /// The whole list. If it breaks off, its last item represents all lost objects. `of` is their owner.
    pub(super) fn to_its_end<'a, T: Send + 'a>(
        &'a self,
        kind: Kind,
        of: String,
        list: Listing<'a, T>,
    ) -> Pages<'a, Readable<T>> {
        let next = move |(mut list, of): (Listing<'a, T>, String)| async move {
            let page = match list.try_next().await {
                Ok(None) => return Ok(None),
                Ok(Some(page)) => page,
                Err(error) if self.fails_every_request(&error).await => return Err(error),
                Err(error) => {
                    list = stream::empty().boxed();
                    vec![Err(Unreadable::rest_of_list(kind, &of, error))]
                }
            };
            Ok(Some((page, (list, of))))
        };
        stream::try_unfold((list, of), next).boxed()
    }

    /// True when every other request would fail, too: the server is unreachable, or requires another sign-in. A
    /// temporary error of one request, while the server answers others, concerns only the requested object.
    pub(super) async fn fails_every_request(&self, error: &Error) -> bool {
        match error.class() {
            Class::Permanent | Class::NotFound | Class::Forbidden => false,
            Class::Transient | Class::Ambiguous => !self.client.still_answers().await,
            Class::Usage | Class::Auth | Class::Full | Class::Locked | Class::Stopped => true,
        }
    }

    /// Returns the same answer. An error that concerns only the requested object becomes permanent, so that the caller
    /// can recognize it.
    pub(super) async fn classified<T>(&self, answer: Result<T>) -> Result<T> {
        match answer {
            Err(error) if !error.is_about_object() && !self.fails_every_request(&error).await => {
                Err(error.of_class(Class::Permanent))
            }
            answer => answer,
        }
    }
}
