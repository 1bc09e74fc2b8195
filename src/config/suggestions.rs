use strsim::jaro_winkler;

/// Minimum similarity of two names, from 0 to 1. clap uses the same value.
const MIN_SIMILARITY: f64 = 0.7;
const MAX_SUGGESTIONS: usize = 3;

/// A hint with the known names that are similar to `given`, or with all known names if none is similar.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .map(|name| (jaro_winkler(given, name), *name))
        .filter(|(like, _)| *like > MIN_SIMILARITY)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<&str> = near.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name).collect();
    match near.is_empty() {
        true if known.is_empty() => "there is none".to_owned(),
        true => format!("there are: {}", known.join(", ")),
        false => format!("did you mean {}?", near.join(", or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_or_all_are_listed() {
        assert_eq!(did_you_mean("sorce", ["target", "source"]), "did you mean source?");
        assert_eq!(did_you_mean("zzz", ["target", "source"]), "there are: target, source");
    }
}
