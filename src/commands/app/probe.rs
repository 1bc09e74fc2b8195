use super::find;
use crate::cli::app::Probe;
use crate::commands::endpoints::Endpoints;
use crate::commands::{Printer, confirm};
use crate::engine::app_probe;
use crate::error::{Error, Result};

pub async fn probe(args: Probe, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    let (_, arn) = find(&args.one.app, args.one.region.region.as_deref()).await?;
    if !args.yes {
        printer.news(&format!("This creates three experiments, a run and a trace in {arn},"));
        printer.news("and deletes them again; MLflow keeps deleted experiments, and their names stay taken.");
        if args.limits {
            printer.news("It also sends searches of up to 64 MB, to find out which are too large.");
        }
        if !confirm::confirm("Run the probe?")? {
            return Err(Error::stopped());
        }
    }
    let access = ends.for_wizard()?.1;
    let probe = app_probe(&arn, access, args.limits, &|text| printer.news(text)).await?;
    let text = serde_json::to_string_pretty(&probe)? + "\n";
    std::fs::write(&args.output, text).map_err(|e| Error::from(e).at(args.output.display()))?;
    printer.object("app_probe", &probe);
    probe.not_migrated.iter().for_each(|left| printer.news(&format!("remains: {left}")));
    printer.result(&format!("written: {}", args.output.display()));
    printer.news("read the file before you share it: it should contain no private data");
    Ok(0)
}
