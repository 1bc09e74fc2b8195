//! The report as Markdown: headings, tables and lists. All names and values are escaped.

use super::document::{Report, groups, plan_in_words, seconds_of};
use super::escape::markdown as safe;
use super::{Curve, Difference, Mark, Remark, Remarks};
use crate::entities::Kind;
use crate::error::Result;
use crate::readers::SourceInfo;

pub fn write(report: &Report) -> Result<String> {
    let mut lines = Vec::new();
    head(&mut lines, report)?;
    counts(&mut lines, report);
    remarks(&mut lines, "As the target has it", &report.normalised);
    remarks(&mut lines, "Not compared", &report.not_compared);
    for (experiment, differences) in groups(report.differences.first()) {
        let title = if experiment.is_empty() { "Without an experiment".to_owned() } else { safe(experiment) };
        lines.push(format!("\n## {title}"));
        for difference in differences {
            one(&mut lines, report, difference);
        }
    }
    let rest = report.differences.more();
    if rest > 0 {
        lines.push(format!(
            "\n{rest} more differences are not written out here; a report that ends in .json has all of them."
        ));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn head(lines: &mut Vec<String>, report: &Report) -> Result<()> {
    lines.push("# Validation of a migration\n".to_owned());
    let verdict =
        if report.totals.differs() { "**The sides differ.**" } else { "**Both sides are the same.**" };
    lines.push(format!("{verdict}\n"));
    lines.push("| | |\n|---|---|".to_owned());
    for (name, about) in [("source", &report.source), ("target", &report.target)] {
        lines.push(format!("| {name} | {} |", end(about)));
    }
    lines.push(format!("| compared | {} |", safe(&seconds_of(&report.created))));
    lines.push(format!("| selection | {} |", safe(&plan_in_words(&report.plan)?)));
    lines.push(format!("| files | compared by: {} |", report.artifacts));
    lines.push(format!("| by | mlferry {} |", report.version));
    Ok(())
}

fn end(about: &SourceInfo) -> String {
    let version = about.version.map_or_else(String::new, |version| format!(", MLflow {version}"));
    format!("{}{version}", safe(&about.location))
}

fn counts(lines: &mut Vec<String>, report: &Report) {
    let heads = Mark::ALL.map(|mark| format!("{} {}", safe(&mark.sign().to_string()), mark.word()));
    lines.push(format!("\n| | {} |\n|---|---:|---:|---:|---:|---:|", heads.join(" | ")));
    for kind in Kind::ALL.into_iter().filter(|kind| report.totals.is_shown(*kind)) {
        let counts = Mark::ALL.map(|mark| report.totals.of(kind, mark).to_string());
        lines.push(format!("| {} | {} |", kind.title(), counts.join(" | ")));
    }
}

/// Adds a table of remarks. Adds nothing if there are no remarks.
fn remarks(lines: &mut Vec<String>, title: &str, remarks: &Remarks) {
    if remarks.is_empty() {
        return;
    }
    lines.push(format!("\n## {title}\n\n| | count | what | why |\n|---|---:|---|---|"));
    for (Remark { kind, what, reason }, count) in remarks.iter() {
        lines.push(format!("| {} | {count} | {} | {} |", kind.title(), safe(what), safe(reason)));
    }
}

fn one(lines: &mut Vec<String>, report: &Report, difference: &Difference) {
    let (sign, word) = (safe(&difference.mark.sign().to_string()), difference.mark.word());
    let (kind, name) = (difference.kind.words().0, safe(&difference.name));
    lines.push(format!("\n### {sign} {word}: {kind} {name}\n"));
    let ids = [("source", &difference.source_id), ("target", &difference.target_id)];
    let ids: Vec<String> = ids
        .into_iter()
        .filter_map(|(side, id)| Some(format!("{side} id {}", safe(id.as_deref()?))))
        .collect();
    lines.push(ids.join(", "));
    if difference.fields.is_empty() {
        return;
    }
    lines.push("\n| field | source | target |\n|---|---|---|".to_owned());
    for field in &difference.fields {
        let side = |value: &Option<String>| value.as_deref().map_or_else(|| "*(absent)*".to_owned(), safe);
        lines.push(format!("| {} | {} | {} |", safe(&field.field), side(&field.source), side(&field.target)));
    }
    if difference.more_fields > 0 {
        lines.push(format!("\n{} more fields differ.", difference.more_fields));
    }
    for curve in difference.fields.iter().filter_map(|field| report.curve(difference, &field.field)) {
        deviations(lines, curve);
    }
}

fn deviations(lines: &mut Vec<String>, curve: &Curve) {
    lines.push(format!("\nPoints of metric {} that differ:\n", safe(&curve.metric)));
    lines.push("| step | time (ms) | source | target |\n|---:|---:|---:|---:|".to_owned());
    for point in &curve.deviations {
        let side = |value: &Option<String>| value.as_deref().map_or_else(|| "*(absent)*".to_owned(), safe);
        let (source, target) = (side(&point.source), side(&point.target));
        lines.push(format!("| {} | {} | {source} | {target} |", point.step, point.timestamp));
    }
    if curve.more_deviations > 0 {
        lines.push(format!("\n{} more points differ.", curve.more_deviations));
    }
}
