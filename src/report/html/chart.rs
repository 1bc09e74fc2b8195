//! Draws both sides of a metric over each other: the source as a broad line, and the target as a thin dashed line on
//! top. The lines can be distinguished without colours, also where they overlap.

use crate::report::{Curve, Series};

/// The size of the drawing, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
/// The space around the drawing. The numbers are on the left and below.
const LEFT: f64 = 90.0;
const BELOW: f64 = 24.0;
const ABOVE: f64 = 10.0;

pub fn write(curve: &Curve) -> String {
    let Some([across, up]) = curve.bounds() else {
        return format!("<p class=\"note\">There is no point that can be drawn.{}</p>\n", notes(curve));
    };
    let scale = Scale { across: widened(across), up: widened(up) };
    let (right, bottom) = (WIDTH - 1.0, HEIGHT - BELOW);
    let legend = "<p class=\"legend\"><span class=\"key source\"></span> source \
                  <span class=\"key target\"></span> target";
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"source and target over {axis}\">\n\
         <path class=\"frame\" d=\"M{LEFT} {ABOVE}V{bottom}H{right}\"/>\n\
         <text x=\"{beside}\" y=\"{top}\" text-anchor=\"end\">{high}</text>\n\
         <text x=\"{beside}\" y=\"{bottom}\" text-anchor=\"end\">{low}</text>\n\
         <text x=\"{LEFT}\" y=\"{below}\">{first}</text>\n\
         <text x=\"{right}\" y=\"{below}\" text-anchor=\"end\">{axis} {last}</text>\n\
         {source}{target}</svg>\n{legend}{notes}</p>\n",
        axis = curve.axis,
        beside = LEFT - 6.0,
        top = ABOVE + 10.0,
        below = HEIGHT - 6.0,
        high = number(up.1),
        low = number(up.0),
        first = across.0,
        last = across.1,
        source = scale.drawn(&curve.source, "source"),
        target = scale.drawn(&curve.target, "target"),
        notes = notes(curve),
    )
}

struct Scale {
    across: (f64, f64),
    up: (f64, f64),
}

impl Scale {
    fn drawn(&self, series: &Series, class: &str) -> String {
        let place = |at: f64, (low, high): (f64, f64)| (at / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let points: Vec<String> = series
            .points
            .iter()
            .map(|(x, y)| {
                let x = LEFT + place(*x as f64, self.across) * (WIDTH - 1.0 - LEFT);
                let y = HEIGHT - BELOW - place(*y, self.up) * (HEIGHT - BELOW - ABOVE);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        match points.as_slice() {
            [] => String::new(),
            // A line needs two points, so a circle is drawn for a single point.
            [only] => {
                let (x, y) = only.split_once(',').unwrap_or_default();
                format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>\n")
            }
            all => format!("<polyline class=\"{class}\" points=\"{}\"/>\n", all.join(" ")),
        }
    }
}

/// Widens a range that has a single value.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    match low == high {
        true => (low - low.abs().max(1.0) / 2.0, high + high.abs().max(1.0) / 2.0),
        false => (low, high),
    }
}

fn number(value: f64) -> String {
    let size = value.abs();
    match size != 0.0 && !(1e-3..1e6).contains(&size) {
        true => format!("{value:.3e}"),
        false => format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

fn notes(curve: &Curve) -> String {
    let mut notes = format!(" · {} and {} points", curve.source.count, curve.target.count);
    let hidden = curve.source.not_drawn + curve.target.not_drawn;
    if hidden > 0 {
        notes.push_str(&format!(" · {hidden} not drawn: not a number, or infinite"));
    }
    if curve.is_thinned() {
        notes.push_str(" · for each part of the axis, only the least and the greatest value are drawn");
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let seen = [0.25, -1e-9, 123_456.0, 1e300, 0.0].map(number);
        assert_eq!(seen, ["0.25", "-1.000e-9", "123456", "1.000e300", "0"]);
    }

    #[test]
    fn the_greatest_numbers_stay_within_the_frame() {
        let series = Series { points: vec![(i64::MIN, -1e308), (i64::MAX, 1e308)], ..Series::default() };
        let scale = Scale { across: (i64::MIN as f64, i64::MAX as f64), up: (-1e308, 1e308) };
        let drawn = scale.drawn(&series, "source");
        assert!(drawn.contains("90.0,176.0 639.0,10.0"), "{drawn}");
    }
}
