use super::Printer;
use crate::cli;
use crate::demo::{MlflowServer, ServerOptions, Venv, seed};
use crate::engine::StateDir;
use crate::error::Result;

/// The release that both servers of the demo run.
const VERSION: &str = "3.10.1";

/// Two real servers, the first with sample data. They end with this process, however it ends.
pub async fn demo(args: cli::Demo, printer: &Printer) -> Result<u8> {
    let say = |line: &str| printer.news(line);
    let venv = Venv::ensure(VERSION, &say).await?;
    let folder = tempfile::Builder::new().prefix("mlferry-demo-").tempdir()?;
    say("starting two MLflow servers …");
    let (source_dir, target_dir) = (folder.path().join("source"), folder.path().join("target"));
    let (source, target) = tokio::try_join!(
        MlflowServer::start(&venv, &source_dir, ServerOptions::default()),
        MlflowServer::start(&venv, &target_dir, ServerOptions::default()),
    )?;
    say("filling the first one with sample data …");
    seed(&venv, &source.url, "demo").await?;
    // Nothing is left behind: the servers are gone with the demo, and a session of theirs would lead nowhere.
    let state = StateDir::at(folder.path().join("state"))?;
    let code = if args.headless {
        let run = cli::Run {
            source: cli::Source { source: Some(source.url.clone()) },
            target: target.url.clone(),
            output_dir: args.via_directory.then(|| folder.path().join("mlflow-export")),
            direct: !args.via_directory,
            selection: cli::Selection::everything(),
            artifacts: cli::Artifacts::Checksum,
            report: None,
            yes: true,
        };
        super::run::run(run, state, printer).await
    } else {
        super::wizard(state, Some(source.url.clone()), Some(target.url.clone())).await
    };
    futures::try_join!(source.stop(), target.stop())?;
    code
}
