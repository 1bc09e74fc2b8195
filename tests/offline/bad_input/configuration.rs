//! Missing options get their values from the right place, and an invalid configuration is reported before any work
//! starts.

use serde_json::Value;

use crate::support::{Mlferry, Ran};

/// No server listens at these addresses: the error shows which address was used.
const PROFILES: &str = r#"default_profile = "one"
[defaults]
artifacts = "checksum"
[profile.one]
source = "http://127.0.0.1:1"
[profile.two]
source = "http://127.0.0.1:2"
target = "http://127.0.0.1:3"
[keys]
pause = "F9"
"#;

async fn with(mlferry: &Mlferry, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = mlferry.command(args);
    command.envs(env.iter().copied());
    Ran::of(command).await
}

fn configured(text: &str) -> Mlferry {
    let mlferry = Mlferry::new();
    std::fs::write(mlferry.state.path().join("config.toml"), text).unwrap();
    mlferry
}

#[tokio::test]
async fn the_command_line_counts_before_the_environment_before_the_profile() {
    let mlferry = configured(PROFILES);
    let variable = [("MLFERRY_SOURCE", "http://127.0.0.1:4"), ("MLFLOW_TRACKING_URI", "http://127.0.0.1:5")];
    let cases = [
        (&["check"][..], &[][..], "127.0.0.1:1"),
        (&["check", "--profile", "two"], &[], "127.0.0.1:2"),
        (&["check"], &[("MLFERRY_PROFILE", "two")], "127.0.0.1:2"),
        (&["check"], &variable[1..], "127.0.0.1:1"),
        (&["check"], &variable, "127.0.0.1:4"),
        (&["check", "--source", "http://127.0.0.1:6"], &variable, "127.0.0.1:6"),
        // This option has no default and would be required.
        (&["validate", "--profile", "two"], &[], "127.0.0.1:2"),
    ];
    // Each command retries several times before it fails.
    let mlferry = &mlferry;
    let ran = cases.iter().map(|(args, env, asked)| async move {
        let ran = with(mlferry, args, env).await.exits(5);
        assert!(ran.stderr.contains(asked), "{args:?} {env:?}: {}", ran.stderr);
    });
    futures::future::join_all(ran).await;
    let ran = mlferry.run(&["validate"]).await.exits(2);
    assert!(ran.stderr.contains("--target"), "{}", ran.stderr);
}

#[tokio::test]
async fn show_names_the_origin_and_hides_secrets() {
    let mlferry = configured(PROFILES);
    let env = [
        ("MLFERRY_TARGET", "http://ann:geheim@127.0.0.1:7"),
        ("MLFERRY_TARGET_PASSWORD", "geheim"),
        ("AWS_REGION", "eu-central-1"),
    ];
    let ran = with(&mlferry, &["config", "show", "--profile", "two", "--json"], &env).await.exits(0);
    assert!(!ran.stdout.contains("geheim"), "{}", ran.stdout);
    let lines = ran.lines();
    let said = |name: &str| {
        let line = lines.iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("{name}"));
        (line["value"].clone(), line["from"].as_str().unwrap().to_owned())
    };
    let text = |text: &str| Value::from(text);
    assert_eq!(said("source"), (text("http://127.0.0.1:2"), "profile two, line 7".to_owned()));
    assert_eq!(said("target"), (text("http://…@127.0.0.1:7"), "MLFERRY_TARGET".to_owned()));
    assert_eq!(said("artifacts"), (text("checksum"), "[defaults], line 3".to_owned()));
    assert_eq!(said("region"), (text("eu-central-1"), "AWS_REGION".to_owned()));
    assert_eq!(said("traces"), (text("all"), "built in".to_owned()));
    assert_eq!(said("role_arn"), (Value::Null, String::new()));
    assert_eq!(said("target password"), (text("set"), "MLFERRY_TARGET_PASSWORD".to_owned()));
    assert_eq!(said("keys.pause"), (text("F9"), "line 10".to_owned()));
}

#[tokio::test]
async fn init_writes_a_file_that_can_be_read_and_never_over_one() {
    let mlferry = Mlferry::new();
    let path = mlferry.state.path().join("new/config.toml");
    let path = path.to_str().unwrap();
    let init = ["config", "init", "--config", path];
    mlferry.run(&init).await.exits(0);
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written.contains("# source = ") && written.contains("# pause = \"p\""), "{written}");
    let again = mlferry.run(&init).await.exits(2);
    assert!(again.stderr.contains("is not overwritten"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(path).unwrap(), written);
    mlferry.run(&["config", "show", "--config", path]).await.exits(0);
    assert_eq!(mlferry.run(&["config", "path", "--config", path]).await.stdout.trim(), path);
}

#[tokio::test]
async fn every_command_reports_the_wrong_line_of_the_configuration() {
    for (text, told) in [
        ("[profile.a]\nsorce = \"x\"", "config.toml:2: sorce is not a setting here"),
        ("[defaults]\nsource_token = \"geheim\"", "config.toml:2: source_token is not a setting here"),
        ("[keys]\npause = \"f\"", "config.toml:2: pause f is the key of failures"),
    ] {
        let mlferry = configured(text);
        for args in [&["status"][..], &["config", "show"]] {
            let ran = mlferry.run(args).await.exits(2);
            assert!(ran.stderr.contains(told) && ran.stderr.contains("hint: "), "{}", ran.stderr);
            assert!(!ran.stderr.contains("geheim"), "{}", ran.stderr);
        }
        // The commands that help to fix the configuration still work.
        mlferry.run(&["config", "path"]).await.exits(0);
        mlferry.run(&["completions", "bash"]).await.exits(0);
    }
    let ran = Mlferry::new().run(&["status", "--config", "/nowhere/config.toml"]).await.exits(2);
    assert!(ran.stderr.contains("config init --config /nowhere/config.toml"), "{}", ran.stderr);
}

#[tokio::test]
async fn completions_and_pages_know_every_command() {
    let mlferry = Mlferry::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = mlferry.run(&["completions", shell]).await.exits(0).stdout;
        for word in ["watch", "profile", "init", "maintenance-window"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let page = mlferry.run(&["man", "config", "show"]).await.exits(0).stdout;
    assert!(page.contains("mlferry\\-config\\-show") && page.contains("where it comes from"), "{page}");
    let none = mlferry.run(&["man", "improt"]).await.exits(2);
    assert!(none.stderr.contains("did you mean import?"), "{}", none.stderr);
}
