//! Content-Type and Content-Encoding of a file, guessed from its name as MLflow's client does (3.10,
//! `store/artifact/s3_artifact_repo.py`), with the table of Python 3.12's `mimetypes`. No crate has this table, and
//! other tables give different results.

/// Endings that stand for two others, such as `tgz` for `tar.gz`.
const SUFFIXES: [(&str, &str); 6] = [
    ("svgz", "svg.gz"),
    ("taz", "tar.gz"),
    ("tbz2", "tar.bz2"),
    ("tgz", "tar.gz"),
    ("txz", "tar.xz"),
    ("tz", "tar.gz"),
];

/// The only endings that are case-sensitive.
const ENCODINGS: [(&str, &str); 5] =
    [("Z", "compress"), ("br", "br"), ("bz2", "bzip2"), ("gz", "gzip"), ("xz", "xz")];

const TYPES: [(&str, &[&str]); 95] = [
    ("application/json", &["json"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/msword", &["doc", "dot", "wiz"]),
    ("application/n-quads", &["nq"]),
    ("application/n-triples", &["nt"]),
    ("application/octet-stream", &["a", "bin", "dll", "exe", "o", "obj", "so"]),
    ("application/oda", &["oda"]),
    ("application/pdf", &["pdf"]),
    ("application/pkcs7-mime", &["p7c"]),
    ("application/postscript", &["ai", "eps", "ps"]),
    ("application/trig", &["trig"]),
    ("application/vnd.apple.mpegurl", &["m3u", "m3u8"]),
    ("application/vnd.ms-excel", &["xlb", "xls"]),
    ("application/vnd.ms-powerpoint", &["pot", "ppa", "pps", "ppt", "pwz"]),
    ("application/wasm", &["wasm"]),
    ("application/x-bcpio", &["bcpio"]),
    ("application/x-cpio", &["cpio"]),
    ("application/x-csh", &["csh"]),
    ("application/x-dvi", &["dvi"]),
    ("application/x-gtar", &["gtar"]),
    ("application/x-hdf", &["hdf"]),
    ("application/x-hdf5", &["h5"]),
    ("application/x-latex", &["latex"]),
    ("application/x-mif", &["mif"]),
    ("application/x-netcdf", &["cdf", "nc"]),
    ("application/x-pkcs12", &["p12", "pfx"]),
    ("application/x-pn-realaudio", &["ram"]),
    ("application/x-python-code", &["pyc", "pyo"]),
    ("application/x-sh", &["sh"]),
    ("application/x-shar", &["shar"]),
    ("application/x-shockwave-flash", &["swf"]),
    ("application/x-sv4cpio", &["sv4cpio"]),
    ("application/x-sv4crc", &["sv4crc"]),
    ("application/x-tar", &["tar"]),
    ("application/x-tcl", &["tcl"]),
    ("application/x-tex", &["tex"]),
    ("application/x-texinfo", &["texi", "texinfo"]),
    ("application/x-troff", &["roff", "t", "tr"]),
    ("application/x-troff-man", &["man"]),
    ("application/x-troff-me", &["me"]),
    ("application/x-troff-ms", &["ms"]),
    ("application/x-ustar", &["ustar"]),
    ("application/x-wais-source", &["src"]),
    ("application/xml", &["rdf", "wsdl", "xpdl", "xsl"]),
    ("application/zip", &["zip"]),
    ("audio/3gpp", &["3gp", "3gpp"]),
    ("audio/3gpp2", &["3g2", "3gpp2"]),
    ("audio/aac", &["aac", "adts", "ass", "loas"]),
    ("audio/basic", &["au", "snd"]),
    ("audio/mpeg", &["mp2", "mp3"]),
    ("audio/opus", &["opus"]),
    ("audio/x-aiff", &["aif", "aifc", "aiff"]),
    ("audio/x-pn-realaudio", &["ra"]),
    ("audio/x-wav", &["wav"]),
    ("image/avif", &["avif"]),
    ("image/bmp", &["bmp"]),
    ("image/gif", &["gif"]),
    ("image/heic", &["heic"]),
    ("image/heif", &["heif"]),
    ("image/ief", &["ief"]),
    ("image/jpeg", &["jpe", "jpeg", "jpg"]),
    ("image/png", &["png"]),
    ("image/svg+xml", &["svg"]),
    ("image/tiff", &["tif", "tiff"]),
    ("image/vnd.microsoft.icon", &["ico"]),
    ("image/x-cmu-raster", &["ras"]),
    ("image/x-portable-anymap", &["pnm"]),
    ("image/x-portable-bitmap", &["pbm"]),
    ("image/x-portable-graymap", &["pgm"]),
    ("image/x-portable-pixmap", &["ppm"]),
    ("image/x-rgb", &["rgb"]),
    ("image/x-xbitmap", &["xbm"]),
    ("image/x-xpixmap", &["xpm"]),
    ("image/x-xwindowdump", &["xwd"]),
    ("message/rfc822", &["eml", "mht", "mhtml", "nws"]),
    ("text/css", &["css"]),
    ("text/csv", &["csv"]),
    ("text/html", &["htm", "html"]),
    ("text/javascript", &["js", "mjs"]),
    ("text/n3", &["n3"]),
    ("text/plain", &["bat", "c", "h", "ksh", "pl", "srt", "txt"]),
    ("text/richtext", &["rtx"]),
    ("text/tab-separated-values", &["tsv"]),
    ("text/vtt", &["vtt"]),
    ("text/x-python", &["py"]),
    ("text/x-setext", &["etx"]),
    ("text/x-sgml", &["sgm", "sgml"]),
    ("text/x-vcard", &["vcf"]),
    ("text/xml", &["xml"]),
    ("video/mp4", &["mp4"]),
    ("video/mpeg", &["m1v", "mpa", "mpe", "mpeg", "mpg"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/webm", &["webm"]),
    ("video/x-msvideo", &["avi"]),
    ("video/x-sgi-movie", &["movie"]),
];

/// The Content-Type and the Content-Encoding, if the name shows them.
pub fn guess(path: &str) -> (Option<&'static str>, Option<&'static str>) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (mut stem, mut ending) = split(name);
    let long: String;
    if let Some((_, instead)) = SUFFIXES.iter().find(|(suffix, _)| ending.eq_ignore_ascii_case(suffix)) {
        long = format!("{stem}.{instead}");
        (stem, ending) = split(&long);
    }
    let encoding = ENCODINGS.iter().find(|(suffix, _)| *suffix == ending).map(|(_, encoding)| *encoding);
    if encoding.is_some() {
        (_, ending) = split(stem);
    }
    let ending = ending.to_ascii_lowercase();
    let kind = TYPES.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map(|(kind, _)| *kind);
    (kind, encoding)
}

/// A name and its ending. Leading dots do not begin an ending.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.').filter(|at| name[..*at].bytes().any(|byte| byte != b'.')) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::guess;

    #[test]
    fn names_are_read_as_pythons_mimetypes_reads_them() {
        let table = [
            ("a/b/metrics.JSON", (Some("application/json"), None)),
            ("table.csv.gz", (Some("text/csv"), Some("gzip"))),
            ("model.tgz", (Some("application/x-tar"), Some("gzip"))),
            ("old.Z", (None, Some("compress"))),
            ("old.z", (None, None)),
            ("model.pkl", (None, None)),
            ("MLmodel", (None, None)),
            (".json", (None, None)),
            ("conda.yaml", (None, None)),
            ("dir.txt/file", (None, None)),
            ("picture.tar.png", (Some("image/png"), None)),
        ];
        for (name, expected) in table {
            assert_eq!(guess(name), expected, "{name}");
        }
    }
}
