//! Every layout, with the number of seeds that the developer asks for.

use super::bench::Bench;
use crate::support::generate::Layout;
use crate::support::{NEWEST, TARGET};

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

async fn many(release: &'static str, is_files: bool, target: &'static str) {
    let first = number("MLFERRY_FIRST_SEED", 1);
    let count = number("MLFERRY_SEEDS", 20);
    let mut bench = Bench::start(Layout { release, is_files }, target).await;
    let mut found = Vec::new();
    for seed in first..first + count {
        let problems = bench.problems(seed).await;
        problems.iter().for_each(|problem| eprintln!("{problem}"));
        found.extend(problems);
    }
    assert!(found.is_empty(), "{} problems", found.len());
}

macro_rules! layouts {
    ($($name:ident: $release:expr, $is_files:expr, $target:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "takes many minutes; see the top of this program"]
            async fn $name() {
                many($release, $is_files, $target).await;
            }
        )*
    };
}

layouts! {
    files_of_1_30_1: "1.30.1", true, TARGET;
    files_of_2_9_2: "2.9.2", true, TARGET;
    files_of_2_22_4: "2.22.4", true, TARGET;
    files_of_3_10_1: "3.10.1", true, TARGET;
    files_of_3_18_0: "3.18.0", true, NEWEST;
    rows_of_1_30_1: "1.30.1", false, TARGET;
    rows_of_2_9_2: "2.9.2", false, TARGET;
    rows_of_2_22_4: "2.22.4", false, TARGET;
    rows_of_3_10_1: "3.10.1", false, TARGET;
    rows_of_3_18_0: "3.18.0", false, NEWEST;
}
