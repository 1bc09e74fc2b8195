//! The differences as a foldable tree.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::files;
use crate::engine::validate::{Difference, Mark};
use crate::entities::Kind;
use crate::tui::diff_tree::{Counts, NodeKind, Row, file_name};
use crate::tui::keys::{self, Action};
use crate::tui::model::Model;
use crate::tui::model::job::Phase;
use crate::tui::model::validation::Validation;
use crate::tui::text;
use crate::tui::update::scroll;
use crate::tui::view::widgets::paint;

/// From this width on the sign of a mark is followed by its word.
const WITH_WORDS: usize = 72;
/// Width of the column for these words.
const WORD: usize = 11;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let (validation, look) = (&model.validation, model.look);
    let rows = validation.outline.rows();
    if rows.is_empty() {
        let words = format!("  {}", nothing(model));
        frame.render_widget(Line::styled(words, look.theme.dim), area);
        return;
    }
    let note = validation.is_cut();
    let height = usize::from(area.height).saturating_sub(usize::from(note)).max(1);
    let cursor = validation.outline.cursor();
    let top = scroll::offset(cursor, rows.len(), height);
    let shown = rows.iter().enumerate().skip(top).take(height);
    let mut lines: Vec<Line> =
        shown.map(|(index, row)| line(model, *row, index == cursor, usize::from(area.width))).collect();
    if note {
        let kept = text::number(validation.outline.held() as u64);
        let words = format!("  these are the first {kept}; the report has all of them");
        lines.push(Line::styled(words, look.theme.dim));
    }
    paint::lines(frame, area, lines);
}

/// The reason why the list is empty, and the key that shows its entries.
fn nothing(model: &Model) -> String {
    let validation = &model.validation;
    if validation.found > 0 {
        return match keys::key_on_screen(model, Action::Marks) {
            Some(key) => format!("none of these; {key} shows all"),
            None => "none of these".to_owned(),
        };
    }
    let words = match &validation.work.phase {
        Phase::Idle | Phase::Starting | Phase::Running => "none so far",
        Phase::Ended(result) => match result.as_ref() {
            Err(_) => "none before the job failed",
            Ok(outcome) if outcome.stopped => "none before the job was stopped",
            Ok(_) if validation.is_report_old => "all differences that were found are gone",
            Ok(_) => "no differences: both sides are the same",
        },
    };
    words.to_owned()
}

fn line(model: &Model, row: Row, chosen: bool, width: usize) -> Line<'static> {
    let (look, outline) = (model.look, &model.validation.outline);
    let mark = if chosen { look.glyphs.current } else { " " };
    let fold = match outline.can_open(row.node) {
        true if outline.is_open(row.node) => look.glyphs.opened,
        true => look.glyphs.closed,
        false => " ",
    };
    let Shown { sign, name, aside, style } = shown(model, row.node, width);
    let lead = format!("{mark} {}{fold} {sign}", "  ".repeat(row.depth));
    let lead = text::cut(&lead, width, look.glyphs.ellipsis);
    // A long reason may use half of the line.
    let aside = text::cut(&aside, width / 2, look.glyphs.ellipsis);
    let room = width.saturating_sub(text::width(&lead) + text::width(&aside) + 1);
    let name = text::fit(&name, room, look.glyphs.ellipsis);
    match chosen {
        true => Line::styled(format!("{lead}{name} {aside}"), look.theme.selected),
        false => Line::from(vec![
            Span::styled(lead, style),
            Span::styled(format!("{name} "), style),
            Span::styled(aside, look.theme.dim),
        ]),
    }
}

/// The parts of a row.
struct Shown {
    sign: String,
    name: String,
    aside: String,
    style: Style,
}

fn shown(model: &Model, node: usize, width: usize) -> Shown {
    let (look, outline) = (model.look, &model.validation.outline);
    let counted = || counts(outline.node(node).counts, outline.only());
    let heading =
        |name: String| Shown { sign: String::new(), name, aside: counted(), style: look.theme.title };
    match &outline.node(node).what {
        NodeKind::Experiment(name) => heading(name.clone()),
        NodeKind::Kind(kind) => heading(kind.title().to_owned()),
        NodeKind::Folder(name) => Shown { style: look.theme.dim, ..heading(format!("{name}/")) },
        NodeKind::Item(_) | NodeKind::Whole(_) => {
            let Some(difference) = outline.difference(node) else {
                return heading(String::new());
            };
            let aside = match difference.kind {
                Kind::Artifact => files::summary(look, difference),
                _ if outline.can_open(node) => counted(),
                _ => String::new(),
            };
            let sign = sign(difference.mark, width >= WITH_WORDS);
            Shown { sign, name: name(difference), aside, style: Style::new() }
        }
    }
}

/// Empty if only nodes below it differ.
fn sign(mark: Mark, with_word: bool) -> String {
    let (sign, word) = match mark {
        Mark::Same => (' ', ""),
        mark => (mark.sign(), mark.word()),
    };
    match with_word {
        true => format!("{sign} {word:<WORD$}"),
        false => format!("{sign} "),
    }
}

/// `-3 *1`: the marks that occur and pass the filter.
pub fn counts(counts: Counts, only: Option<Mark>) -> String {
    let marks =
        Mark::ALL.into_iter().filter(|mark| counts.of(*mark) > 0 && only.is_none_or(|only| only == *mark));
    let words: Vec<String> =
        marks.map(|mark| format!("{}{}", mark.sign(), text::number(counts.of(mark)))).collect();
    words.join(" ")
}

fn name(difference: &Difference) -> String {
    let name = match difference.kind {
        Kind::Artifact if difference.path().is_empty() => return "the list of its files".to_owned(),
        Kind::Artifact => return file_name(difference).to_owned(),
        kind => format!("{} {}", kind.words().0, difference.name),
    };
    match fields(difference) {
        fields if fields.is_empty() => name,
        fields => format!("{name}  {fields}"),
    }
}

/// The experiment and the name of the item within it.
pub fn place(difference: &Difference) -> String {
    match difference.experiment.as_str() {
        "" => difference.name.clone(),
        experiment if experiment == difference.name => difference.name.clone(),
        experiment => format!("{experiment} / {}", difference.name),
    }
}

fn fields(difference: &Difference) -> String {
    if !matches!(difference.mark, Mark::Differs | Mark::Unreadable) {
        return String::new();
    }
    let names: Vec<&str> = difference.fields.iter().map(|field| field.field.as_str()).collect();
    match difference.more_fields {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The number of visible differences, for the heading of the list.
pub fn heading(validation: &Validation) -> String {
    let found = text::number(validation.found);
    match validation.outline.only() {
        None => format!("differences {found}"),
        Some(only) => {
            let count = text::number(validation.outline.counts().of(only));
            format!("{} {count} of {found}", only.word())
        }
    }
}
