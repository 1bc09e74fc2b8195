use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// Returns 16 hexadecimal digits that are different at each call, for a name that no other object has.
pub fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(SystemTime::now()))
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn two_names_are_not_the_same() {
        assert_eq!(unique().len(), 16);
        assert_ne!(unique(), unique());
    }
}
