//! Checks the sandbox against AWS's own model and clients, and against MLflow's client with the official plugin.

use crate::support::aws::FakeAws;
use mlferry::demo::SandboxOptions;

#[tokio::test(flavor = "multi_thread")]
async fn boto3_takes_the_control_plane_for_sagemaker() {
    let options = SandboxOptions { servers_on_demand: true, ..SandboxOptions::default() };
    let cloud = FakeAws::start_with(options).await;
    let facts = &cloud.sandbox.facts;
    cloud.python("cloud_control.py", &[&facts.bucket, &facts.role]).await;
    cloud.python("cloud_account.py", &[&facts.bucket, &facts.role]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_takes_the_data_plane_for_an_app_and_nothing_wrong_is_let_in() {
    let cloud = FakeAws::start().await;
    let (app, server) = futures::join!(cloud.app("judged"), cloud.tracking_server("judged"));
    cloud.python("cloud_client.py", &[&app]).await;
    cloud.python("cloud_client.py", &[&server]).await;
    cloud.python("cloud_tamper.py", &[&app, &server]).await;
}
