//! YAML documents as a tree of texts. PyYAML writes YAML 1.1, in which `no`, `012` and `1:30` have other types than in
//! YAML 1.2. So this tree gives no types: each field of a file asks for the type that it needs, see `scalar.rs`.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// No file of MLflow nests its fields as deep as this, and a value of an assessment rarely does.
const MAX_DEPTH: usize = 100;
/// Aliases can multiply the nodes of a small file.
const MAX_NODES: usize = 1_000_000;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Scalar {
        text: String,
        /// Without quotes, so it may be a number, a truth value or null.
        is_plain: bool,
    },
    List(Vec<Node>),
    /// A key that occurs twice has its last value, as in PyYAML.
    Map(Vec<(String, Node)>),
}

/// A document, and whether its bytes were UTF-8 or UTF-16. Other bytes are read as Latin-1, as Windows wrote them.
pub struct Document {
    /// `None` for an empty file.
    pub root: Option<Node>,
    /// The reason why the file ends early. The fields before it were read.
    pub broken: Option<String>,
    pub is_utf8: bool,
}

pub fn parse(bytes: &[u8]) -> Document {
    let (text, is_utf8) = match (std::str::from_utf8(bytes), bytes) {
        (Ok(text), _) => (Cow::Borrowed(text), true),
        // PowerShell writes UTF-16.
        (_, [0xff, 0xfe, rest @ ..]) => (utf_16(rest, u16::from_le_bytes), true),
        (_, [0xfe, 0xff, rest @ ..]) => (utf_16(rest, u16::from_be_bytes), true),
        (Err(_), _) => (Cow::Owned(bytes.iter().copied().map(char::from).collect()), false),
    };
    let text = without_indentation(text);
    let mut builder = Builder::default();
    let mut broken = None;
    for event in Parser::new_from_str(&text) {
        let step = match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((event, _)) => builder.add(event),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = step {
            broken = Some(reason);
            break;
        }
    }
    Document { root: builder.finish(), broken, is_utf8 }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'static, str> {
    let (pairs, _) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// In YAML 1.1, three more characters end a line, and PyYAML indents the line after them. To the parser they are
/// ordinary characters, so it would take the indentation for a part of the text.
fn without_indentation(text: Cow<'_, str>) -> Cow<'_, str> {
    const ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];
    if !text.contains(ENDS) {
        return text;
    }
    let mut lines = text.split_inclusive(ENDS);
    let first = lines.next().unwrap_or_default();
    Cow::Owned(lines.fold(first.to_owned(), |text, line| text + line.trim_start_matches(' ')))
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    /// The lists and maps that are not complete yet, outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

struct Open {
    node: Node,
    /// The key of a map that waits for its value.
    key: Option<String>,
    anchor: usize,
}

impl Builder {
    fn add(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                self.place(Node::Scalar { text: text.into_owned(), is_plain }, anchor)
            }
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned().ok_or("an alias has no anchor")?;
                self.nodes += node.len();
                self.place(node, 0)
            }
            Event::SequenceStart(anchor, _) => self.open(Node::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.open(Node::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, .. }) => self.place(node, anchor),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn open(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("it nests more than {MAX_DEPTH} lists and maps"));
        }
        self.open.push(Open { node, key: None, anchor });
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err("it has too many values".to_owned());
        }
        if anchor != 0 {
            self.nodes += node.len();
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut parent.node, parent.key.take(), node) {
            (Node::List(items), _, node) => items.push(node),
            (Node::Map(fields), Some(key), node) => {
                fields.retain(|(known, _)| *known != key);
                fields.push((key, node));
            }
            (Node::Map(_), None, Node::Scalar { text, .. }) => parent.key = Some(text),
            (Node::Map(_), None, _) => return Err("a list or a map is used as a key".to_owned()),
            (Node::Scalar { .. }, ..) => {}
        }
        Ok(())
    }

    /// The document. If it ended early, the open parts have what they got until then.
    fn finish(mut self) -> Option<Node> {
        while let Some(Open { node, .. }) = self.open.pop() {
            // Only a full map or list is placed, and the limits no longer matter.
            self.nodes = 0;
            if self.place(node, 0).is_err() {
                break;
            }
        }
        self.root
    }
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Self::Scalar { .. } => 1,
            Self::List(items) => 1 + items.iter().map(Self::len).sum::<usize>(),
            Self::Map(fields) => 1 + fields.iter().map(|(_, node)| node.len()).sum::<usize>(),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == key).map(|(_, node)| node)
    }
}
