//! Every screen as a snapshot, at three sizes, and without colours and Unicode. The model and the clock are set by
//! hand.

mod apps;
mod details;
mod diff_tree;
mod differences;
mod endpoints;
mod fixtures;
mod frame_times;
mod frames;
mod job_fixtures;
mod jobs;
mod keys;
mod large_source;
mod questions;
mod retry;
mod selection;
mod stores;
mod svg;

use crate::engine::Step;
use crate::error::Error;
use crate::tui::model::{Overlay, QuitChoice};

use self::fixtures::*;
use self::frames::{kept, picture, pictured, styles};
use self::job_fixtures::*;

#[test]
fn help_lists_the_keys_of_the_screen() {
    let mut model = with_tree();
    press(&mut model, "?");
    pictured("help", &mut model);
}

#[test]
fn leaving_at_work_is_asked_about() {
    let mut model = importing();
    press(&mut model, "q j");
    assert!(matches!(model.overlay, Some(Overlay::Quit(QuitChoice::Drain))));
    pictured("quit", &mut model);
}

#[test]
fn a_session_that_was_left_is_offered() {
    let mut model = empty();
    crate::tui::update::actions::offer(&mut model, session(Step::Import));
    pictured("resume", &mut model);
}

#[test]
fn a_session_that_cannot_resume_shows_why() {
    let mut model = empty();
    crate::tui::update::actions::offer(&mut model, session(Step::Import));
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Err(Error::new(crate::error::Class::Auth, "it wants a sign-in (401)")));
    answer(&mut model, Step::App, Ok(target_report(TARGET)));
    pictured("resume_refused", &mut model);
}

#[test]
fn a_change_makes_later_steps_outdated() {
    let mut model = imported();
    press(&mut model, "4 Space 6");
    pictured("stale", &mut model);
}

#[test]
fn a_window_that_is_too_small() {
    let mut model = importing();
    kept("too_small", &picture(&mut model, 44, 10));
}

/// Names keep their characters. All other text is ASCII, which every terminal can show.
#[test]
fn without_utf8_all_is_ascii() {
    let mut selecting = with_tree();
    if let Some(tree) = selecting.selection.tree_mut() {
        tree.set_filter("fraud");
    }
    let mut compared = imported();
    press(&mut compared, "Enter");
    for mut model in [empty(), checked(), connected(), selecting, ready_to_import(), compared] {
        model.look = monochrome();
        for size in [(80, 24), (120, 40)] {
            let shown = picture(&mut model, size.0, size.1);
            assert!(shown.is_ascii(), "{shown}");
        }
    }
}

#[test]
fn without_colours_the_chosen_row_is_still_seen() {
    let mut model = with_tree();
    model.look = monochrome();
    press(&mut model, "j");
    kept("select_styles", &styles(&mut model, 80, 24));
    let mut model = imported();
    model.look = monochrome();
    press(&mut model, "Enter");
    at_work(&mut model);
    end_validation(&mut model, &differences());
    press(&mut model, "j j j j Enter");
    kept("validate_styles", &styles(&mut model, 80, 24));
}

/// The pictures in `docs/frames`, which the README shows.
#[test]
fn frames_of_the_readme_are_real() {
    svg::framed("select", &mut with_registry());
    svg::framed("import", &mut importing());
    let mut model = imported();
    press(&mut model, "Enter Enter");
    at_work(&mut model);
    end_validation(&mut model, &differences());
    svg::framed("validate", &mut model);
}
