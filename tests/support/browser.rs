//! Headless Chromium: returns the content of a page and the requests that it makes.

use std::path::Path;

use serde_json::Value;

use super::{environment, script_path};

/// Opens the page at `path` with the look `look` (light, dark, print).
pub async fn opened(path: &Path, look: &str) -> Value {
    let venv = environment("browser").await;
    let folder = venv.python().parent().unwrap().parent().unwrap();
    let page = format!("file://{}", path.display());
    let mut command = venv.command();
    command.arg(script_path("browser.py")).arg(folder).args([&page, look]);
    // Pictures for a developer who works on the page.
    if let Some(pictures) = std::env::var_os("MLFERRY_TEST_PICTURES") {
        command.arg(Path::new(&pictures).join(format!("{look}.png")));
    }
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
