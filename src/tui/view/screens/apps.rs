//! Step 2 with SageMaker: the list, the form of a new App, and the wait for it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::endpoint;
use crate::engine::{AppSummary, Readiness, Resource};
use crate::tui::model::Model;
use crate::tui::model::apps::{AppField, Awaited, Listing, TargetInput};
use crate::tui::text;
use crate::tui::update::scroll;
use crate::tui::view::widgets::{fields, paint};

/// Width of the status column, and of the column with version and kind.
const STATUS_WIDTH: usize = 14;
const KIND_WIDTH: usize = 23;
const LABEL_WIDTH: u16 = 17;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    match model.apps.way {
        TargetInput::New => form(model, frame, area),
        TargetInput::Wait => wait(model, frame, area),
        TargetInput::List | TargetInput::Address => list(model, frame, area),
    }
}

fn list(model: &Model, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width);
    let look = model.look;
    let (about, lines) = match &model.apps.listing {
        Listing::Unasked | Listing::Asked => {
            let words = format!("{} asking SageMaker", paint::spinner(model));
            (
                "the Apps and tracking servers of this account".to_owned(),
                vec![Line::styled(words, look.theme.accent)],
            )
        }
        Listing::Failed(trouble) => {
            let mut lines = endpoint::refused(model, trouble, width);
            let words = "Without AWS a target is named by its address: Esc goes there.";
            lines.push(Line::default());
            lines.extend(paint::wrapped(words, width, look.theme.dim));
            ("AWS gave no answer".to_owned(), lines)
        }
        Listing::Known { region, apps } if apps.is_empty() => {
            let words = "There are none yet: n creates one. g lists another region.";
            (format!("Apps and tracking servers in {region}"), paint::wrapped(words, width, Style::new()))
        }
        Listing::Known { region, apps } => {
            let rows = usize::from(area.height.saturating_sub(4)).max(1);
            let top = scroll::offset(model.apps.cursor, apps.len(), rows);
            let shown = apps.iter().enumerate().skip(top).take(rows);
            let mut lines: Vec<_> = shown.map(|(at, app)| row(model, app, at, width)).collect();
            lines.push(Line::default());
            let arn = model.apps.current().map_or("", |app| app.arn.as_str());
            lines.push(Line::styled(text::cut(arn, width, look.glyphs.ellipsis), look.theme.dim));
            (
                format!(
                    "{} in {region}",
                    text::count(apps.len() as u64, "App or tracking server", "Apps and tracking servers")
                ),
                lines,
            )
        }
    };
    let mut all = paint::short_heading(model, area.width, &about);
    all.extend(lines);
    paint::lines(frame, area, all);
}

fn row(model: &Model, app: &AppSummary, at: usize, width: usize) -> Line<'static> {
    let look = model.look;
    let kind = match app.resource {
        Resource::App => "App",
        Resource::TrackingServer => "tracking server",
    };
    let version = app.mlflow_version.as_deref().unwrap_or("?");
    let (glyph, style) = match app.readiness() {
        Readiness::Ready => (look.glyphs.ok, look.theme.ok),
        Readiness::Working => (look.glyphs.dot, look.theme.accent),
        Readiness::Stopped => (look.glyphs.warn, look.theme.warn),
        Readiness::Failed | Readiness::Gone => (look.glyphs.bad, look.theme.bad),
    };
    let mark = if at == model.apps.cursor { look.glyphs.current } else { " " };
    let room = width.saturating_sub(STATUS_WIDTH + KIND_WIDTH + 5);
    let name = text::fit(&app.name, room, look.glyphs.ellipsis);
    let status = text::fit(&app.status, STATUS_WIDTH, look.glyphs.ellipsis);
    let kind = text::fit(&format!("{kind} {version}"), KIND_WIDTH, look.glyphs.ellipsis);
    if at == model.apps.cursor {
        return Line::styled(format!("{mark} {glyph} {name} {status}{kind}"), look.theme.selected);
    }
    Line::from(vec![
        Span::styled(format!("{mark} {glyph} "), style),
        Span::raw(format!("{name} {status}")),
        Span::styled(kind, look.theme.dim),
    ])
}

fn words(of: AppField) -> (&'static str, &'static str) {
    match of {
        AppField::Name => ("Name", "letters, digits and dashes"),
        AppField::Store => ("Artifact store", "s3://bucket/prefix, in the same region"),
        AppField::Role => ("Role", "arn:aws:iam::123456789012:role/…"),
        AppField::Key => ("KMS key", "none: AWS's own key"),
    }
}

fn form(model: &Model, frame: &mut Frame, area: Rect) {
    let look = model.look;
    let head = paint::short_heading(model, area.width, "a new MLflow App");
    let mut top = area.y + head.len() as u16;
    paint::lines(frame, area, head);
    for of in AppField::ALL {
        let row = Rect { y: top, height: 1, ..area }.intersection(area);
        let focused = model.apps.form.focus() == of && model.overlay.is_none();
        let (label, placeholder) = words(of);
        let (mark, style) =
            if focused { (look.glyphs.current, look.theme.accent) } else { (" ", Style::new()) };
        frame.render_widget(Line::styled(format!("{mark} {label}"), style), row);
        let place = Rect { x: row.x + LABEL_WIDTH, width: row.width.saturating_sub(LABEL_WIDTH), ..row };
        let field = model.apps.form.field(of);
        if field.text().is_empty() {
            let placeholder = text::cut(placeholder, usize::from(place.width), look.glyphs.ellipsis);
            let placeholder =
                if look.glyphs.ellipsis.is_ascii() { placeholder.replace('…', "...") } else { placeholder };
            frame.render_widget(Line::styled(placeholder, look.theme.dim), place);
        }
        fields::text(frame, place, field, focused);
        top += 1;
        if let Some(trouble) = model.apps.form.trouble(of) {
            let room = usize::from(place.width).saturating_sub(2);
            for line in text::wrap(&trouble, room).into_iter().take(2) {
                let line = Line::styled(format!("{} {line}", look.glyphs.bad), look.theme.bad);
                frame.render_widget(line, Rect { y: top, ..place }.intersection(area));
                top += 1;
            }
        }
    }
    let rest = Rect { y: top + 1, height: area.bottom().saturating_sub(top + 1), ..area };
    let about = "Models are not copied to the SageMaker Model Registry (an import needs it off). \
                 `mlferry app policy` prints what the role needs.";
    paint::lines(frame, rest, paint::wrapped(about, usize::from(area.width), look.theme.dim));
}

fn wait(model: &Model, frame: &mut Frame, area: Rect) {
    let (look, width) = (model.look, usize::from(area.width));
    let mut lines = paint::short_heading(model, area.width, "waiting for the App");
    if let Some(awaited) = &model.apps.awaited {
        lines.extend(paint::wrapped(&awaited.name, width, look.theme.title));
        let arn = awaited.arn.as_deref().unwrap_or("its ARN is not known yet");
        lines.push(Line::styled(text::cut(arn, width, look.glyphs.ellipsis), look.theme.dim));
        lines.push(Line::default());
        match &awaited.trouble {
            Some(trouble) => lines.extend(endpoint::refused(model, trouble, width)),
            None => lines.extend(progress(model, awaited, width)),
        }
    }
    paint::lines(frame, area, lines);
}

fn progress(model: &Model, awaited: &Awaited, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let seconds = model.now.saturating_sub(awaited.started).as_secs();
    let words =
        format!("{} {}  {} min {:02} s", paint::spinner(model), awaited.status, seconds / 60, seconds % 60);
    let mut lines = vec![Line::styled(words, look.theme.accent), Line::default()];
    let about =
        "It takes two to five minutes. You may leave: the wizard keeps the ARN and waits again later.";
    lines.extend(paint::wrapped(about, width, look.theme.dim));
    lines
}
