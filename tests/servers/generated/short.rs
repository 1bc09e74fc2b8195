//! A few seeds of each form, which run with every test run.

use super::bench::Bench;
use crate::support::TARGET;
use crate::support::generate::Layout;

pub const ROWS: Layout = Layout { release: "3.10.1", is_files: false };

async fn whole(layout: Layout, seeds: &[u64]) {
    let mut bench = Bench::start(layout, TARGET).await;
    let mut found = Vec::new();
    for seed in seeds {
        found.extend(bench.problems(*seed).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_files_of_mlflow_2_9_2_arrive_whole() {
    whole(Layout { release: "2.9.2", is_files: true }, &[1, 2, 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_rows_of_mlflow_3_10_1_arrive_whole() {
    whole(ROWS, &[1, 2, 3]).await;
}

/// Experiments from before 1.29 have no times. Next to newer ones, that release cannot sort them by time.
#[tokio::test(flavor = "multi_thread")]
async fn experiments_with_and_without_times_of_mlflow_1_30_1_arrive_whole() {
    whole(Layout { release: "1.30.1", is_files: true }, &[2007]).await;
}

/// Active runs in a deleted experiment: newer stores delete them together with the experiment.
#[tokio::test(flavor = "multi_thread")]
async fn active_runs_of_a_deleted_experiment_of_mlflow_1_30_1_arrive() {
    whole(Layout { release: "1.30.1", is_files: false }, &[2008]).await;
}

/// Params that name runs of another experiment, or later runs of the same experiment: a param can be written only once.
#[tokio::test(flavor = "multi_thread")]
async fn params_that_name_later_runs_of_mlflow_2_9_2_name_the_new_ones() {
    whole(Layout { release: "2.9.2", is_files: true }, &[5008]).await;
}
