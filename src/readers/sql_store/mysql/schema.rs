use std::collections::{BTreeMap, BTreeSet};

use super::super::select::Catalogue;
use super::address::MysqlAddress;
use super::session::Session;
use crate::error::Result;

const COLUMNS: &str =
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()";
/// Tables that no snapshot covers.
const OTHER_ENGINES: &str = "SELECT table_name FROM information_schema.tables \
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' ORDER BY 1";

/// The columns that the user may read, and notes about what may be missing.
pub async fn read(session: &mut Session, address: &MysqlAddress) -> Result<(Catalogue, Vec<String>)> {
    let mut catalogue = BTreeMap::<String, BTreeSet<String>>::new();
    for row in session.texts(COLUMNS).await? {
        if let [table, column] = row.as_slice() {
            catalogue.entry(table.clone()).or_default().insert(column.clone());
        }
    }
    let mut notes = Vec::new();
    let others: Vec<String> = session.texts(OTHER_ENGINES).await?.into_iter().flatten().collect();
    if !others.is_empty() {
        let others = others.join(", ");
        notes.push(format!(
            "stop the server meanwhile: the tables {others} are not InnoDB and have no snapshot"
        ));
    }
    let grants: Vec<String> = session.texts("SHOW GRANTS").await?.into_iter().flatten().collect();
    if is_for_single_tables(&grants, &address.database) {
        let (user, database) = (address.user(), &address.database);
        notes.push(format!(
            "the user {user} has rights for single tables only; other tables cannot be seen and are not read: \
             GRANT SELECT ON `{database}`.* TO '{user}'@'%'"
        ));
    }
    Ok((Catalogue(catalogue), notes))
}

/// MySQL hides tables without rights, so they would be missing without an error.
fn is_for_single_tables(grants: &[String], database: &str) -> bool {
    let in_database = format!("`{database}`.`");
    let is_single = |grant: &String| grant.contains(&format!(" ON {in_database}"));
    // The name of a database may be a pattern, such as `ml\_flow`.
    let is_general = |grant: &String| {
        let reads = grant.starts_with("GRANT ALL") || grant.contains("SELECT");
        reads
            && grant
                .split_once(" ON ")
                .is_some_and(|(_, on)| on.split(" TO ").next().is_some_and(|on| on.ends_with(".*")))
    };
    grants.iter().any(is_single) && !grants.iter().any(is_general)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_for_single_tables_are_noticed() {
        let usage = "GRANT USAGE ON *.* TO `u`@`%`".to_owned();
        let single = "GRANT SELECT ON `ml`.`runs` TO `u`@`%`".to_owned();
        assert!(is_for_single_tables(&[usage.clone(), single.clone()], "ml"));
        let all = "GRANT SELECT ON `ml`.* TO `u`@`%`".to_owned();
        assert!(!is_for_single_tables(&[usage, single, all.clone()], "ml"));
        assert!(!is_for_single_tables(&[all], "ml"));
    }
}
