use std::collections::HashMap;

use futures::TryStreamExt;

use super::database::{Database, IDS_PER_QUERY};
use super::select::Select;
use super::value::{Row, Value};
use crate::error::Result;

/// Rows that belong to other objects, by the id of their owner. If one row cannot be read, its owner cannot be read
/// either, but all others can.
pub struct Grouped<T>(HashMap<String, Result<Vec<T>>>);

impl<T> Grouped<T> {
    /// Reads the rows of these owners. The first column of the query is the id of the owner; `convert` gets the others.
    pub async fn read(
        database: &dyn Database,
        select: Select,
        owners: Vec<Value>,
        convert: impl Fn(Row) -> Result<T>,
    ) -> Result<Self> {
        Self::read_with(database, select, owners, convert, Vec::push).await
    }

    /// The same, but `add` decides which values of an owner are kept: there may be many more rows.
    pub async fn read_with(
        database: &dyn Database,
        select: Select,
        owners: Vec<Value>,
        convert: impl Fn(Row) -> Result<T>,
        add: impl Fn(&mut Vec<T>, T),
    ) -> Result<Self> {
        let mut groups = HashMap::new();
        let Some(&column) = select.columns.first() else { return Ok(Self(groups)) };
        for owners in owners.chunks(IDS_PER_QUERY) {
            let mut rows = database.rows(select.clone().only(column, owners.to_vec()));
            while let Some(batch) = rows.try_next().await? {
                for mut row in batch {
                    let owner = if row.0.is_empty() { Value::Null } else { row.0.remove(0) };
                    let group: &mut Result<Vec<T>> =
                        groups.entry(owner.string()?).or_insert_with(|| Ok(Vec::new()));
                    match (group.as_mut(), convert(row)) {
                        (Ok(values), Ok(value)) => add(values, value),
                        (Ok(_), Err(error)) => *group = Err(error),
                        (Err(_), _) => {}
                    }
                }
            }
        }
        Ok(Self(groups))
    }

    /// Adds the values of other rows to those of the same owners.
    pub fn extend(&mut self, more: Self) {
        for (owner, values) in more.0 {
            match (self.0.entry(owner).or_insert_with(|| Ok(Vec::new())), values) {
                (Ok(all), Ok(values)) => all.extend(values),
                (all @ Ok(_), Err(error)) => *all = Err(error),
                (Err(_), _) => {}
            }
        }
    }

    /// The values of an owner, in the order of the rows.
    pub fn take(&mut self, owner: &str) -> Result<Vec<T>> {
        self.0.remove(owner).unwrap_or_else(|| Ok(Vec::new()))
    }

    /// The same, collected into a map.
    pub fn collect<C: FromIterator<T>>(&mut self, owner: &str) -> Result<C> {
        Ok(self.take(owner)?.into_iter().collect())
    }

    /// All values that can be read.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values().flatten().flatten()
    }
}

impl Grouped<(String, String)> {
    /// Keys and values, such as tags. The second column of the query is the key, the third one the value.
    pub async fn pairs(database: &dyn Database, select: Select, owners: Vec<Value>) -> Result<Self> {
        let convert = |row: Row| {
            let [key, value] = row.columns();
            Ok((key.string()?, value.string()?))
        };
        Self::read(database, select, owners, convert).await
    }
}
