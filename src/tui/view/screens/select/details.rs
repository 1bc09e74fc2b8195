//! The details pane for the object at the cursor: names and values, small curves, files with their sizes.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

use crate::engine::browse::{ArtifactSize, Details, Drawn, RunDetails};
use crate::entities::{EvaluationDataset, Experiment, FileEntry, ModelVersion, Point, RegisteredModel, Run};
use crate::plan::UnixMillis;
use crate::tui::model::Model;
use crate::tui::source_tree::{Item, Row, SourceTree, What};
use crate::tui::text;
use crate::tui::view::widgets::paint;

/// Widths of a curve, of a metric's latest value, and of the number of its points.
const CURVE: usize = 20;
const VALUE: usize = 12;
const POINTS: usize = 13;

pub fn draw(model: &Model, tree: &SourceTree, frame: &mut Frame, area: Rect) {
    let look = model.look;
    let block = Block::bordered().border_set(look.glyphs.border).border_style(look.theme.dim);
    let block = block.title(Span::styled(" details ", look.theme.title));
    let inside = block.inner(area);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    frame.render_widget(block, area);
    let sheet = Sheet { model, width: usize::from(inside.width), lines: Vec::new() };
    let lines = lines(model, tree, sheet);
    let height = usize::from(inside.height);
    let first = model.selection.details.scroll.min(lines.len().saturating_sub(height));
    let below = lines.len().saturating_sub(first + height);
    let mut shown: Vec<Line> = lines.into_iter().skip(first).take(height).collect();
    if below > 0
        && let Some(last) = shown.last_mut()
    {
        let words =
            format!("{} {} more lines: J and K scroll", look.glyphs.down, text::number(below as u64 + 1));
        *last =
            Line::styled(text::cut(&words, usize::from(inside.width), look.glyphs.ellipsis), look.theme.dim);
    }
    paint::lines(frame, inside, shown);
}

fn lines(model: &Model, tree: &SourceTree, mut sheet: Sheet<'_>) -> Vec<Line<'static>> {
    let read_details = tree.subject().map(|subject| model.selection.details.of(&subject));
    match (tree.row(), read_details) {
        (_, Some(None)) => sheet.text(&format!("{} fetching it", paint::spinner(model)), model.look.theme.accent),
        (_, Some(Some(Err(trouble)))) => sheet.text(&trouble.text, model.look.theme.bad),
        (_, Some(Some(Ok(Details::Run(details))))) => sheet.run(details),
        (_, Some(Some(Ok(Details::Version(version))))) => sheet.version(version),
        (Some(Row::Node(at)), None) => match &tree.nodes[at].item {
            Item::Experiment(one) => sheet.experiment(one),
            Item::Model(one) => sheet.model(one),
            Item::Dataset(one) => sheet.dataset(one),
        },
        (Some(Row::Leaf(at, leaf)), None) => match &tree.nodes[at].leaves()[leaf].what {
            What::Traces(_) => sheet.text(
                "All traces of the experiment. They are selected together; the traces of a run follow the run.",
                Style::new(),
            ),
            What::Run { .. } | What::Version { .. } => {}
        },
        (Some(Row::Section(_) | Row::Note(_)) | None, None) => {
            sheet.text("This line has no details: move to a run, a model or an experiment.", model.look.theme.dim);
        }
    }
    sheet.lines
}

/// The lines of the pane under construction.
struct Sheet<'a> {
    model: &'a Model,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Sheet<'_> {
    fn text(&mut self, words: &str, style: Style) {
        self.lines.extend(paint::wrapped(words, self.width, style));
    }

    fn title(&mut self, words: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        self.lines.push(Line::styled(
            text::cut(words, self.width, self.model.look.glyphs.ellipsis),
            self.model.look.theme.title,
        ));
    }

    /// Adds nothing if there is no value.
    fn pair(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let ellipsis = self.model.look.glyphs.ellipsis;
        let name = text::cut(name, self.width / 2, ellipsis);
        let value = text::cut(value, self.width.saturating_sub(text::width(&name) + 2), ellipsis);
        self.lines.push(Line::from(vec![
            Span::styled(format!("{name}  "), self.model.look.theme.dim),
            Span::raw(value),
        ]));
    }

    fn time(&mut self, name: &str, time: Option<i64>) {
        self.pair(name, &time.map_or_else(String::new, |time| UnixMillis(time).to_string()));
    }

    fn pairs<V: ToString>(&mut self, title: &str, pairs: &BTreeMap<String, V>) {
        if pairs.is_empty() {
            return;
        }
        self.title(&format!("{title} ({})", text::number(pairs.len() as u64)));
        for (name, value) in pairs {
            // An empty value counts as a value.
            match value.to_string() {
                value if value.is_empty() => self.pair(name, "\"\""),
                value => self.pair(name, &value),
            }
        }
    }

    fn experiment(&mut self, one: &Experiment) {
        self.title(&format!("experiment {}", one.name));
        self.pair("id", one.id.as_str());
        self.pair("artifacts", &one.artifact_location);
        self.time("created", one.creation_time);
        self.time("updated", one.last_update_time);
        self.pairs("tags", &one.tags);
    }

    fn model(&mut self, one: &RegisteredModel) {
        self.title(&format!("{} {}", one.kind(), one.name));
        self.text(&one.description, Style::new());
        self.pair("user", &one.user_id);
        self.time("created", one.creation_time);
        self.time("updated", one.last_update_time);
        self.pairs("aliases", &one.aliases);
        self.pairs("tags", &one.tags);
    }

    fn version(&mut self, one: &ModelVersion) {
        self.title(&format!("{} v{}", one.name, one.version));
        self.text(&one.description, Style::new());
        self.pair("source", &one.source);
        self.pair("run", one.run_id.as_ref().map_or("", |id| id.as_str()));
        self.pair("stage", Some(one.stage.as_str()).filter(|stage| *stage != "None").unwrap_or_default());
        self.pair("status", &one.status);
        self.pair("user", &one.user_id);
        self.time("created", one.creation_time);
        self.time("updated", one.last_update_time);
        self.pairs("tags", &one.tags);
    }

    fn dataset(&mut self, one: &EvaluationDataset) {
        self.title(&format!("evaluation dataset {}", one.name));
        self.pair("id", &one.id);
        self.pair("digest", &one.digest);
        self.pair("schema", &one.schema);
        self.time("created", one.created_time);
        self.time("updated", one.last_update_time);
        self.pairs("tags", &one.tags);
    }

    fn run(&mut self, details: &RunDetails) {
        let run = &details.run;
        self.title(&format!("run {}", run.label()));
        self.text(&about(run), Style::new());
        self.pair("id", run.id.as_str());
        if !run.latest.is_empty() {
            self.title(&format!("metrics ({})", text::number(run.latest.len() as u64)));
        }
        for (name, latest) in &run.latest {
            self.metric(name, latest, details.drawn.get(name));
        }
        self.pairs("params", &run.params);
        self.pairs("tags", &run.tags);
        match &details.files {
            Ok((files, weight)) => self.files(files, *weight),
            Err(reason) => {
                self.title("artifacts");
                self.text(&format!("cannot be listed: {reason}"), self.model.look.theme.bad);
            }
        }
    }

    /// The name, the curve and the latest value of a metric.
    fn metric(&mut self, name: &str, latest: &Point, drawn: Option<&Drawn>) {
        let look = self.model.look;
        let curve = drawn.map_or_else(String::new, |drawn| {
            let step = drawn.heights.len().div_ceil(CURVE).max(1);
            let heights: Vec<f64> = drawn.heights.iter().rev().step_by(step).rev().copied().collect();
            paint::sparkline(look, &heights)
        });
        let points = drawn.map_or_else(String::new, |drawn| {
            let more = if drawn.more { "+" } else { "" };
            format!("{}{more} pts", text::number(drawn.points))
        });
        let room = self.width.saturating_sub(CURVE + VALUE + POINTS + 1);
        self.lines.push(Line::from(vec![
            Span::styled(text::fit(name, room, look.glyphs.ellipsis), look.theme.dim),
            Span::styled(format!(" {}", text::fit(&curve, CURVE, "")), look.theme.accent),
            Span::raw(text::right(&short(latest.value), VALUE)),
            Span::styled(text::right(&points, POINTS), look.theme.dim),
        ]));
    }

    fn files(&mut self, files: &[FileEntry], weight: ArtifactSize) {
        let more = if weight.at_least { "+" } else { "" };
        let count = text::count(weight.files, "file", "files");
        self.title(&format!("artifacts ({count}, {}{more})", text::bytes(weight.bytes)));
        for file in files {
            let size = file.size.map_or_else(|| "?".to_owned(), text::bytes);
            let room = self.width.saturating_sub(11);
            let path = text::fit(&file.path, room, self.model.look.glyphs.ellipsis);
            self.lines.push(Line::from(vec![
                Span::raw(path),
                Span::styled(text::right(&size, 11), self.model.look.theme.dim),
            ]));
        }
        let unnamed = weight.files.saturating_sub(files.len() as u64);
        if unnamed > 0 {
            self.text(&format!("and {} smaller ones", text::number(unnamed)), self.model.look.theme.dim);
        }
    }
}

/// The status, the user and the time of the run.
fn about(run: &Run) -> String {
    let by = Some(format!("by {}", run.user_id)).filter(|_| !run.user_id.is_empty());
    let started = run.start_time.map(|time| format!("started {}", UnixMillis(time)));
    let took = run.end_time.zip(run.start_time).map(|(end, start)| end.saturating_sub(start) as f64 / 1e3);
    let took = took.map(|seconds| format!("took {}", text::duration(seconds)));
    let status = Some(run.status.name().to_lowercase());
    let parts: Vec<String> = [status, by, started, took].into_iter().flatten().collect();
    parts.join(", ")
}

/// A number in a few columns.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && value.is_finite() && !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.5}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_fit_into_their_column() {
        let values = [0.0, 1.0, -0.25, 0.123456, 1e-7, f64::MAX, f64::NAN, f64::NEG_INFINITY, 123_456.0];
        let texts = values.map(short);
        assert_eq!(texts, ["0", "1", "-0.25", "0.12346", "1.000e-7", "1.798e308", "NaN", "-inf", "123456"]);
    }
}
