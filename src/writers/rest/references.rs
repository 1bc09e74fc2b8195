use super::RestWriter;
use crate::entities::{RunId, ids_in, tag};
use crate::error::{Error, Result};
use crate::rest::takes_tag_value;

impl RestWriter {
    /// Rewrites the tags that named a run before it existed on the target. If a run was never migrated, its old id
    /// remains in the tags. If such a run is a parent, this is reported.
    pub(super) async fn follow_references(&self) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for reference in self.id_map.all_unresolved()? {
            let is_old = |id: &&str| self.id_map.target_of(&RunId::from(*id)).is_some();
            let known = |id: &&str| is_old(id) || self.id_map.is_target(&RunId::from(*id));
            let ids = ids_in(&reference.key, &reference.value);
            if ids.iter().any(is_old) {
                let value = self.rewritten(&reference.key, &reference.value);
                if let Err(e) = self.set_tag(&reference.on, &reference.key, &value).await {
                    notes.push(format!(
                        "{}: tag {:?} still names an old id: {e}",
                        reference.on, reference.key
                    ));
                    continue;
                }
            }
            if ids.iter().all(known) {
                self.id_map.mark_resolved(&reference)?;
            } else if reference.key == tag::PARENT_RUN_ID {
                notes.push(format!(
                    "run {}: its parent {} was not migrated; the tag keeps the old id",
                    reference.on, reference.value
                ));
            }
        }
        Ok(notes)
    }

    async fn set_tag(&self, on: &str, key: &str, value: &str) -> Result<()> {
        if !takes_tag_value(value) {
            return Err(Error::permanent("it is too long to be written again: the server would cut it"));
        }
        if on.starts_with("m-") {
            let tags = [(key.to_owned(), value.to_owned())].into();
            return self.client.set_logged_model_tags(&on.into(), &tags).await;
        }
        let run = self.client.run(&on.into()).await?;
        self.restored(&run, self.client.set_run_tag(&run.id, key, value)).await
    }
}
