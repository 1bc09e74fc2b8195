//! How fast files reach S3, and with how much memory, beside `aws s3 cp --recursive`: `cargo bench --bench s3`.
//!
//! One file of 2 GB and 2 000 files of 100 kB lie in the artifact folders of two runs. Each is uploaded by mlferry, in an
//! import from a server that keeps artifacts on this machine to one that keeps them in S3, and by the AWS CLI from PyPI,
//! with its own choice of checksums and with the one that mlferry uses. All go to the same endpoint: moto's, which is
//! part of the sandbox, runs in Python on the same processors, and is what holds up whoever is fast.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics when it cannot"
)]

#[path = "../../tests/support/locks/mod.rs"]
mod locks;
mod measure;
mod source;

use measure::Bench;
use mlferry::demo::{MlflowServer, Sandbox, SandboxOptions, ServerOptions, Venv};

const LARGE: (&str, usize, usize) = ("large", 1, 2_000_000_000);
const SMALL: (&str, usize, usize) = ("small", 2_000, 100_000);

#[tokio::main]
async fn main() {
    let say = |line: &str| println!("{line}");
    let cloud = Sandbox::environment(&say).await.unwrap();
    let aws = Venv::ensure(locks::lock("awscli"), &say).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sandbox =
        Sandbox::start(&cloud, &folder.path().join("sandbox"), SandboxOptions::default()).await.unwrap();
    let server = async |name: &str, root: &str| {
        let (artifact_root, env) = (Some(root.to_owned()), sandbox.env());
        let options = ServerOptions { workers: 1, artifact_root, env, ..ServerOptions::default() };
        MlflowServer::start(&cloud, &folder.path().join(name), options).await.unwrap()
    };
    let artifacts = folder.path().join("artifacts");
    let source = server("source", artifacts.to_str().unwrap()).await;
    let store = format!("s3://{}", sandbox.facts.bucket);
    let target = server("target", &format!("{store}/mlferry")).await;

    let bench = Bench { sandbox: &sandbox, venv: &aws };
    println!("{:<44} {:>8} {:>8} {:>9} {:>9}", "", "seconds", "MB/s", "requests", "peak MiB");
    for (name, count, size) in [LARGE, SMALL] {
        let from = source::fill(&source.url, name, count, size).await;
        let megabytes = (count * size) as f64 / 1e6;
        println!("{name}: {count} × {size} bytes");
        let state = folder.path().join(format!("state-{name}"));
        let ends = ["--source", &source.url, "--target", &target.url, "--experiments", name];
        let import = [&["import"], &ends[..]].concat();
        let mut mlferry = bench.command(env!("CARGO_BIN_EXE_mlferry"), &import);
        mlferry.env("MLFERRY_STATE_DIR", &state);
        bench.measure("mlferry import", megabytes, mlferry).await;
        bench.empty(&store).await;
        for checksum in [&[][..], &["--checksum-algorithm", "SHA256"]] {
            let to = format!("{store}/aws/{name}");
            let from = from.to_str().unwrap();
            let copy = [&["s3", "cp", "--recursive", "--only-show-errors", from, &to], checksum].concat();
            let what = ["aws s3 cp --recursive", &checksum.join(" ")].join(" ");
            bench.measure(&what, megabytes, bench.aws(&copy)).await;
            bench.empty(&store).await;
        }
    }
    for server in [source, target] {
        server.stop().await.unwrap();
    }
    sandbox.stop().await.unwrap();
}
