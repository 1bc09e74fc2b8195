//! Dialogs with a question.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{fields, paint};
use secrecy::{ExposeSecret, SecretString};

use crate::engine::{COST, Session};
use crate::tui::model::apps::Listing;
use crate::tui::model::question::{Ask, State};
use crate::tui::model::{Model, NameChoice, QuitChoice, Write};
use crate::tui::text;
use crate::tui::update::consent;

const WIDTH: u16 = 66;

pub fn resume(model: &Model, frame: &mut Frame, area: Rect, session: &Session, start_over: bool) {
    let look = model.look;
    let width = usize::from(WIDTH.min(area.width)) - 4;
    let ends = format!("{} {} {}", session.source, look.glyphs.arrow, session.target);
    let resume = format!("Resume at step {} {}", session.step as usize + 1, session.step.title());
    let mut lines = vec![
        Line::raw("There is an unfinished migration:"),
        Line::default(),
        Line::raw(text::cut(&ends, width, look.glyphs.ellipsis)),
        Line::default(),
    ];
    lines.push(answer(model, &resume, !start_over, width));
    lines.push(answer(model, "Start over", start_over, width));
    let inside = paint::card(model, frame, area, "Welcome back", WIDTH, lines.len() as u16 + 2);
    paint::lines(frame, inside, lines);
}

pub fn quit(model: &Model, frame: &mut Frame, area: Rect, chosen: QuitChoice) {
    let width = usize::from(WIDTH.min(area.width)) - 4;
    let step = model.running().map_or("A job", |step| step.title());
    let mut lines = paint::wrapped(
        &format!("{step} is still running. Finished items are kept: you can resume this step later."),
        width,
        ratatui::style::Style::new(),
    );
    lines.push(Line::default());
    for parting in QuitChoice::ALL {
        let words = match parting {
            QuitChoice::Stay => "Keep going",
            QuitChoice::Drain => "Finish running items (at most 30 s), then leave",
            QuitChoice::Now => "Stop now and leave",
        };
        lines.push(answer(model, words, parting == chosen, width));
    }
    lines.push(Line::default());
    let about = "If the job ends first, mlferry leaves immediately.";
    lines.push(Line::styled(about, model.look.theme.dim));
    let inside = paint::card(model, frame, area, "Leave?", WIDTH, lines.len() as u16 + 2);
    paint::lines(frame, inside, lines);
}

pub fn ask(model: &Model, frame: &mut Frame, area: Rect, ask: &Ask) {
    let width = usize::from(WIDTH.min(area.width)) - 4;
    let below = match &ask.state {
        State::Failed(why) => paint::wrapped(why, width, model.look.theme.warn),
        State::Typing | State::Working => Vec::new(),
    };
    let height = below.len() as u16 + 3;
    let inside = paint::card(model, frame, area, ask.question.words(), WIDTH, height);
    fields::text(frame, Rect { height: 1, ..inside }, &ask.answer, true);
    paint::lines(frame, Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside }, below);
}

/// The choice for names that the target has already, from another source.
pub fn same_names(model: &Model, frame: &mut Frame, area: Rect, chosen: NameChoice) {
    let width = usize::from(WIDTH.min(area.width)) - 4;
    let now = model.same_names();
    let fails = now.prefix.is_empty() && !now.merge;
    let row = |choice: NameChoice| {
        let words = match choice {
            NameChoice::Fail => format!("{} fails: nothing is mixed", radio(fails)),
            NameChoice::Prefix if now.prefix.is_empty() => format!("{} all names get a prefix", radio(false)),
            NameChoice::Prefix => format!("{} all names get the prefix {}", radio(true), now.prefix),
            NameChoice::Merge => format!("{} merges: its runs are added to the others", radio(now.merge)),
            NameChoice::Append => {
                let mark = if now.append_versions { "[x]" } else { "[ ]" };
                format!("{mark} append versions whose numbers are used")
            }
        };
        answer(model, &words, choice == chosen, width)
    };
    let mut lines = vec![Line::raw("An experiment that the target has from another source")];
    lines.extend([NameChoice::Fail, NameChoice::Prefix, NameChoice::Merge].map(row));
    lines.push(Line::default());
    lines.push(Line::raw("A model or prompt that the target has with other versions"));
    lines.push(row(NameChoice::Append));
    let inside = paint::card(model, frame, area, "Taken names", WIDTH, lines.len() as u16 + 2);
    paint::lines(frame, inside, lines);
}

fn radio(is_set: bool) -> &'static str {
    if is_set { "(x)" } else { "( )" }
}

/// The planned changes and their target.
pub fn confirm(model: &Model, frame: &mut Frame, area: Rect, write: Write, agreed: bool) {
    let width = usize::from(WIDTH.min(area.width)) - 4;
    let words = consent::words(model, write);
    let mut lines: Vec<Line> =
        words.iter().flat_map(|words| paint::wrapped(words, width, ratatui::style::Style::new())).collect();
    lines.push(Line::default());
    lines.push(answer(model, "Write it", agreed, width));
    lines.push(answer(model, "Do not write", !agreed, width));
    let inside = paint::card(model, frame, area, "Write to the target?", WIDTH, lines.len() as u16 + 2);
    paint::lines(frame, inside, lines);
}

/// The planned App and its cost.
pub fn create(model: &Model, frame: &mut Frame, area: Rect) {
    let width = usize::from(WIDTH.min(area.width)) - 4;
    let new = model.apps.form.app();
    let region = match &model.apps.listing {
        Listing::Known { region, .. } => region.as_str(),
        _ => "the region of your AWS profile",
    };
    let words = [
        format!("This creates the MLflow App {} in {region},", new.name),
        format!("with its artifacts in {},", new.artifact_store_uri),
        format!("working with the role {}.", new.role_arn),
        COST.to_owned(),
        "It takes two to five minutes.".to_owned(),
    ];
    let mut lines: Vec<Line> =
        words.iter().flat_map(|words| paint::wrapped(words, width, ratatui::style::Style::new())).collect();
    lines.push(Line::default());
    lines.push(answer(model, "Enter creates it, any other key does not", true, width));
    let inside = paint::card(model, frame, area, "Create an App?", WIDTH, lines.len() as u16 + 2);
    paint::lines(frame, inside, lines);
}

/// The whole link, on as many lines as it needs, because the user must be able to open it.
pub fn link(model: &Model, frame: &mut Frame, area: Rect, link: &SecretString) {
    let width = usize::from(area.width) - 4;
    let letters: Vec<char> = link.expose_secret().chars().collect();
    let mut lines = vec![Line::raw("Opens the UI once, within five minutes:"), Line::default()];
    lines.extend(letters.chunks(width).map(|row| Line::raw(row.iter().collect::<String>())));
    let inside = paint::card(model, frame, area, "The App's own UI", area.width, lines.len() as u16 + 2);
    paint::lines(frame, inside, lines);
}

fn answer(model: &Model, words: &str, chosen: bool, width: usize) -> Line<'static> {
    let look = model.look;
    let mark = if chosen { look.glyphs.current } else { " " };
    let words = text::fit(&format!("{mark} {words}"), width, look.glyphs.ellipsis);
    match chosen {
        true => Line::from(Span::styled(words, look.theme.selected)),
        false => Line::raw(words),
    }
}
