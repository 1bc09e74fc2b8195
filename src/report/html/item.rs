//! One difference as HTML: its fields on both sides with the changes marked, and the curves of its metrics.

use super::chart;
use crate::report::escape::html as safe;
use crate::report::{Curve, Deviation, Difference, FieldDifference, Report, parts};

pub fn write(report: &Report, difference: &Difference) -> String {
    let (mark, kind) = (difference.mark, difference.kind.words().0);
    let ids = [("source", &difference.source_id), ("target", &difference.target_id)];
    let ids: Vec<String> = ids
        .into_iter()
        .filter_map(|(side, id)| Some(format!("{side} id <code>{}</code>", safe(id.as_deref()?))))
        .collect();
    let curves = difference.fields.iter().filter_map(|field| report.curve(difference, &field.field));
    format!(
        "<details class=\"item {word}\" open>\n<summary><span class=\"mark\">{sign} {word}</span> {kind} <b class=\"value\">{name}</b></summary>\n\
         <p class=\"note\">{ids}</p>\n{fields}{curves}</details>\n",
        word = mark.word(),
        sign = mark.sign(),
        name = safe(&difference.name),
        ids = ids.join(", "),
        fields = fields(difference),
        curves = curves.map(curve).collect::<String>(),
    )
}

fn fields(difference: &Difference) -> String {
    if difference.fields.is_empty() {
        return String::new();
    }
    let rows: String = difference.fields.iter().map(row).collect();
    let more = match difference.more_fields {
        0 => String::new(),
        more => format!("<p class=\"note\">{more} more fields differ.</p>\n"),
    };
    format!(
        "<table class=\"fields\">\n<tr><th>field</th><th>source</th><th>target</th></tr>\n{rows}</table>\n{more}"
    )
}

fn row(field: &FieldDifference) -> String {
    let [source, target] = match (&field.source, &field.target) {
        (Some(source), Some(target)) => {
            let (ours, theirs) = parts(source, target);
            [ours, theirs].map(|parts| {
                let (head, changed, tail) = (safe(parts.head), safe(parts.changed), safe(parts.tail));
                format!("{head}<mark>{changed}</mark>{tail}")
            })
        }
        (source, target) => [source, target].map(side),
    };
    format!(
        "<tr><th class=\"value\">{}</th><td class=\"value\">{source}</td><td class=\"value\">{target}</td></tr>\n",
        safe(&field.field)
    )
}

fn side(value: &Option<String>) -> String {
    match value {
        Some(value) => format!("<mark>{}</mark>", safe(value)),
        None => "<i class=\"note\">absent</i>".to_owned(),
    }
}

fn curve(curve: &Curve) -> String {
    let rows: String = curve.deviations.iter().map(point).collect();
    let more = match curve.more_deviations {
        0 => String::new(),
        more => format!("<p class=\"note\">{more} more points differ.</p>\n"),
    };
    let count = match curve.deviations.len() + curve.more_deviations {
        1 => "1 point differs".to_owned(),
        count => format!("{count} points differ"),
    };
    format!(
        "<figure>\n<figcaption>metric <b class=\"value\">{}</b></figcaption>\n{}\
         <details>\n<summary>{count}</summary>\n<table class=\"points\">\n\
         <tr><th class=\"number\">step</th><th class=\"number\">time (ms)</th><th class=\"number\">source</th><th class=\"number\">target</th></tr>\n\
         {rows}</table>\n{more}</details>\n</figure>\n",
        safe(&curve.metric),
        chart::write(curve),
    )
}

fn point(point: &Deviation) -> String {
    let side = |value: &Option<String>| value.as_deref().map_or_else(|| "–".to_owned(), safe);
    format!(
        "<tr><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n",
        point.step,
        point.timestamp,
        side(&point.source),
        side(&point.target)
    )
}
