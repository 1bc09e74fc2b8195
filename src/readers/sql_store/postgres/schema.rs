use std::collections::BTreeMap;

use super::super::select::Catalogue;
use super::address::PostgresAddress;
use super::failure::grant;
use super::session::Session;
use crate::error::{Class, Error, Result};

/// All columns of the tables and views of the schema that unqualified names refer to. `information_schema.columns`
/// lists only those that the user may read: data would be missing without an error.
const COLUMNS: &str = "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
    AND a.attnum > 0 AND NOT a.attisdropped";
/// Tables of MLflow that the user may not read. A schema can hold tables of other programs, with other owners.
const UNREADABLE: &str = "SELECT c.relname::text FROM pg_catalog.pg_class c \
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
    AND c.relowner = (SELECT relowner FROM pg_catalog.pg_class WHERE relname = 'experiments' \
    AND relnamespace = current_schema()::regnamespace) \
    AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY 1";
const SCHEMAS: &str = "SELECT n.nspname::text FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'experiments' AND c.relkind IN ('r', 'p')";

/// # Errors
/// When the tables of MLflow are in another schema, and when the user may not read one of them.
pub async fn read(session: &Session, address: &PostgresAddress) -> Result<Catalogue> {
    let mut catalogue = BTreeMap::<_, std::collections::BTreeSet<_>>::new();
    for row in session.texts(COLUMNS).await? {
        if let [table, column] = row.as_slice() {
            catalogue.entry(table.clone()).or_default().insert(column.clone());
        }
    }
    if !catalogue.contains_key("experiments") {
        let schemas: Vec<String> = session.texts(SCHEMAS).await?.into_iter().flatten().collect();
        return match schemas.first() {
            Some(schema) if schema == "public" => Err(forbidden(address, "the schema public")),
            Some(schema) => {
                Err(Error::usage(format!("{address}: the tables of MLflow are in the schema {schema}"))
                    .hint(format!("add ?options=-csearch_path%3D{schema} to the address")))
            }
            // The common check explains it.
            None => Ok(Catalogue(catalogue)),
        };
    }
    let unreadable: Vec<String> = session.texts(UNREADABLE).await?.into_iter().flatten().collect();
    match unreadable.first() {
        None => Ok(Catalogue(catalogue)),
        Some(first) if unreadable.len() == 1 => Err(forbidden(address, &format!("the table {first}"))),
        Some(first) => Err(forbidden(address, &format!("{} tables, such as {first}", unreadable.len()))),
    }
}

fn forbidden(address: &PostgresAddress, what: &str) -> Error {
    let user = address.user();
    Error::new(Class::Forbidden, format!("{address}: the user {user} may not read {what}")).hint(grant(user))
}
