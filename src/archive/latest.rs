//! Reads metric histories from a file, point by point, because they may be of any size.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use crate::entities::Point;

/// The latest point of each metric, selected while the histories are streamed.
#[derive(Default)]
pub struct Latest(pub BTreeMap<String, Point>);

impl<'de> Deserialize<'de> for Latest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One(Option<Point>);
        impl<'de> Deserialize<'de> for One {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut latest: Option<Point> = None;
                let mut keep = |point: Point| {
                    if latest.as_ref().is_none_or(|known| point.is_later_than(known)) {
                        latest = Some(point);
                    }
                    true
                };
                Series { each: &mut keep }.deserialize(deserializer)?;
                Ok(Self(latest))
            }
        }
        let all = BTreeMap::<String, One>::deserialize(deserializer)?;
        Ok(Self(all.into_iter().filter_map(|(key, one)| Some((key, one.0?))).collect()))
    }
}

/// Passes each point of one metric's history to `each`, until `each` returns false.
pub struct Series<'a> {
    pub each: &'a mut dyn FnMut(Point) -> bool,
}

impl<'de> DeserializeSeed<'de> for Series<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Series<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of points")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(point) = seq.next_element::<Point>()? {
            if !(self.each)(point) {
                return Err(A::Error::custom("the reader has stopped"));
            }
        }
        Ok(())
    }
}
