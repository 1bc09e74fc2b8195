use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// Returns 16 hexadecimal digits that no other name uses.
pub fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(SystemTime::now()))
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn no_two_are_the_same() {
        assert_eq!(unique().len(), 16);
        assert_ne!(unique(), unique());
    }
}
