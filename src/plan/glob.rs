use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// Compiles globs. `option` is the command-line option that error messages name.
pub(super) fn matcher<T: AsRef<str>>(option: &str, globs: &[T]) -> Result<GlobSet> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs.iter().map(AsRef::as_ref) {
        builder.add(Glob::new(glob).map_err(|e| {
            Error::usage(format!("{option} {glob:?}: {}", e.kind()))
                .hint("quote [ ] { } as [[] []] {{}}, or use *")
        })?);
    }
    builder.build().map_err(|e| Error::usage(e.to_string()))
}

/// Returns the globs that match none of the names.
pub(super) fn unmatched<'b>(
    globs: &[String],
    matcher: &GlobSet,
    names: impl Iterator<Item = &'b str>,
) -> Vec<String> {
    let mut hit = vec![false; globs.len()];
    for name in names {
        matcher.matches(name).into_iter().for_each(|at| hit[at] = true);
    }
    globs.iter().zip(hit).filter(|(_, hit)| !hit).map(|(glob, _)| glob.clone()).collect()
}
