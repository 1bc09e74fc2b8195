//! Generates metric points with values, steps and times that are easily lost or changed.

use super::dice::Dice;
use super::shape::Point;
use super::words;

const LONG_AGO: i64 = 1_612_325_106_789;
const VALUES: [f64; 16] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    -0.0,
    0.0,
    1e308,
    -1e308,
    f64::MAX,
    f64::MIN,
    5e-324,
    0.1,
    1.0 / 3.0,
    9_007_199_254_740_993.0,
    1e-300,
    -1.5,
    100.0,
];

fn value(dice: &mut Dice) -> f64 {
    if dice.chance(15) {
        return *dice.pick(&VALUES);
    }
    let unit = f64::from(u32::try_from(dice.next() >> 32).unwrap()) / f64::from(u32::MAX);
    unit * 10_f64.powi(i32::try_from(dice.range(-6, 7)).unwrap())
}

fn step(dice: &mut Dice, at: i64) -> i64 {
    match dice.below(60) {
        0 => i64::MAX,
        1 => -i64::MAX,
        2 => (1 << 53) + 1,
        3 => -at,
        4 => 0,
        _ => at,
    }
}

pub fn metrics(dice: &mut Dice) -> Vec<(String, Vec<Point>)> {
    let count = dice.count(4, 40);
    words::keys(dice, count).into_iter().map(|key| (key, history(dice))).collect()
}

/// Returns at least one point: no release stores a metric without points.
fn history(dice: &mut Dice) -> Vec<Point> {
    let count = match dice.below(40) {
        0 => 1 + dice.below(3000),
        1..20 => 1,
        _ => 1 + dice.below(12),
    };
    let is_plain = dice.chance(50);
    let mut points: Vec<Point> = (0..i64::try_from(count).unwrap())
        .map(|at| Point {
            timestamp: LONG_AGO + if dice.chance(80) { at * 1000 } else { dice.range(0, 5) },
            value: if is_plain { at as f64 / 7.0 } else { value(dice) },
            step: if is_plain { at } else { step(dice, at) },
        })
        .collect();
    if dice.chance(20) {
        points.reverse();
    }
    if dice.chance(15) {
        let again = *dice.pick(&points);
        points.push(again);
    }
    if dice.chance(10) {
        // The same step at the same time, with another value.
        let again = *dice.pick(&points);
        points.push(Point { value: again.value + 1.0, ..again });
    }
    if dice.chance(5) {
        points.push(Point { timestamp: *dice.pick(&[0, 1, 4_102_444_800_000]), ..points[0] });
    }
    points
}
