//! Step 1 with several stores in or below the working directory: the list to choose the source from.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::endpoint;
use crate::tui::model::Model;
use crate::tui::model::stores::{FoundStore, StoreContents};
use crate::tui::text;
use crate::tui::update::scroll;
use crate::tui::view::widgets::{paint, store_contents};

/// Width of the column with the contents.
const CONTENTS_WIDTH: usize = 43;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let (look, width) = (model.look, usize::from(area.width));
    let stores = &model.stores.rows;
    let folder = model.places.stores.display();
    let about = format!("the folders and databases of MLflow in {folder}");
    let mut lines = paint::short_heading(model, area.width, &about);
    let rows = usize::from(area.height.saturating_sub(5)).max(1);
    let top = scroll::offset(model.stores.cursor, stores.len(), rows);
    let shown = stores.iter().enumerate().skip(top).take(rows);
    lines.extend(shown.map(|(at, store)| row(model, store, at, width)));
    if let Some(store) = model.stores.current() {
        let kind = Line::styled(format!("a {}, read without its server", store.kind), look.theme.dim);
        let path = Line::styled(text::cut(&store.path, width, look.glyphs.ellipsis), look.theme.dim);
        lines.extend([Line::default(), kind, path]);
        if let StoreContents::Failed(trouble) = &store.contents {
            lines.extend(endpoint::refused(model, trouble, width));
        }
    }
    paint::lines(frame, area, lines);
}

fn row(model: &Model, store: &FoundStore, at: usize, width: usize) -> Line<'static> {
    let look = model.look;
    let (glyph, style) = store_contents::mark(model, &store.contents);
    let is_current = at == model.stores.cursor;
    let mark = if is_current { look.glyphs.current } else { " " };
    let name = text::fit(&store.name, width.saturating_sub(CONTENTS_WIDTH + 5), look.glyphs.ellipsis);
    let contents = text::fit(&store_contents::words(&store.contents), CONTENTS_WIDTH, look.glyphs.ellipsis);
    if is_current {
        return Line::styled(format!("{mark} {glyph} {name} {contents}"), look.theme.selected);
    }
    Line::from(vec![
        Span::styled(format!("{mark} {glyph} "), style),
        Span::raw(format!("{name} ")),
        Span::styled(contents, look.theme.dim),
    ])
}
