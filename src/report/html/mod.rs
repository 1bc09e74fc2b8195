//! The report as one self-contained HTML page: no scripts, no fonts, no images, no external resources.

mod chart;
mod item;

use super::document::{Report, groups, plan_in_words, seconds_of};
use super::escape::html as safe;
use super::{Difference, Mark, Remark, Remarks};
use crate::entities::Kind;
use crate::error::Result;
use crate::readers::SourceInfo;

const STYLE: &str = include_str!("page.css");

pub fn write(report: &Report) -> Result<String> {
    let rest = report.differences.more();
    let groups: String =
        groups(report.differences.first()).into_iter().map(|(name, all)| group(report, name, &all)).collect();
    let more = match rest {
        0 => String::new(),
        rest => format!(
            "<p class=\"note\">{rest} more differences are not written out here; a report that ends in .json has all of them.</p>\n"
        ),
    };
    let undrawn = match report.more_curves {
        0 => String::new(),
        more => format!("<p class=\"note\">{more} more metrics differ and are not drawn.</p>\n"),
    };
    // The content security policy prevents injected content from running scripts and from loading resources.
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>mlferry: validation</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Validation of a migration</h1>\n{verdict}{about}{counts}{normalised}{not_compared}{groups}{more}{undrawn}</main>\n</body>\n</html>\n",
        verdict = headline(report),
        about = about(report)?,
        normalised = remarks("As the target has it", &report.normalised),
        not_compared = remarks("Not compared", &report.not_compared),
        counts = counts(report),
    ))
}

fn headline(report: &Report) -> String {
    let (class, words) = match report.totals.differs() {
        true => ("bad", "✗ The sides differ."),
        false => ("ok", "✓ Both sides are the same."),
    };
    format!("<p class=\"verdict {class}\">{words}</p>\n")
}

fn about(report: &Report) -> Result<String> {
    let rows = [
        ("source", end(&report.source)),
        ("target", end(&report.target)),
        ("compared", safe(&seconds_of(&report.created))),
        ("selection", format!("<span class=\"value\">{}</span>", safe(&plan_in_words(&report.plan)?))),
        ("files", format!("compared by: {}", report.artifacts)),
        ("by", format!("mlferry {}", report.version)),
    ];
    let rows = rows.map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>\n"));
    Ok(format!("<dl>\n{}</dl>\n", rows.concat()))
}

fn end(about: &SourceInfo) -> String {
    let version = about.version.map_or_else(String::new, |version| format!(", MLflow {version}"));
    format!("<span class=\"value\">{}</span>{version}", safe(&about.location))
}

fn counts(report: &Report) -> String {
    let heads = Mark::ALL.map(|mark| format!("<th class=\"number\">{} {}</th>", mark.sign(), mark.word()));
    let rows = Kind::ALL.into_iter().filter(|kind| report.totals.is_shown(*kind)).map(|kind| {
        let cells = Mark::ALL.map(|mark| {
            let count = report.totals.of(kind, mark);
            let class = if mark != Mark::Same && count > 0 { "number bad" } else { "number" };
            format!("<td class=\"{class}\">{count}</td>")
        });
        format!("<tr><th>{}</th>{}</tr>\n", kind.title(), cells.concat())
    });
    format!(
        "<table class=\"counts\">\n<tr><th></th>{}</tr>\n{}</table>\n",
        heads.concat(),
        rows.collect::<String>()
    )
}

/// Returns the table of remarks, or an empty string if there are no remarks.
fn remarks(title: &str, remarks: &Remarks) -> String {
    if remarks.is_empty() {
        return String::new();
    }
    let row = |(Remark { kind, what, reason }, count): (&Remark, u64)| {
        let (kind, what, reason) = (kind.title(), safe(what), safe(reason));
        format!(
            "<tr><th>{kind}</th><td class=\"number\">{count}</td><td>{what}</td><td class=\"note\">{reason}</td></tr>\n"
        )
    };
    let rows: String = remarks.iter().map(row).collect();
    format!("<h2>{title}</h2>\n<table class=\"counts\">\n{rows}</table>\n")
}

fn group(report: &Report, experiment: &str, differences: &[&Difference]) -> String {
    let title = if experiment.is_empty() { "Without an experiment".to_owned() } else { safe(experiment) };
    let items: String = differences.iter().map(|difference| item::write(report, difference)).collect();
    let count = differences.len();
    format!(
        "<details class=\"group\" open>\n<summary><h2>{title}</h2> <span class=\"note\">{count}</span></summary>\n{items}</details>\n"
    )
}
