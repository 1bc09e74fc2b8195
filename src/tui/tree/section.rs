use std::ops::Range;

use super::{Node, Tree, Tri};
use crate::entities::Kind;

/// One kind of things; its heading shows only where there are several kinds.
#[derive(Clone, Debug)]
pub struct Section {
    pub kind: Kind,
    pub nodes: Range<usize>,
    pub open: bool,
}

/// `nodes` come kind by kind.
pub(super) fn sections(nodes: &[Node]) -> Vec<Section> {
    let mut at = 0;
    let of_one_kind = nodes.chunk_by(|a, b| a.item.kind() == b.item.kind());
    of_one_kind
        .map(|chunk| {
            let nodes = at..at + chunk.len();
            at = nodes.end;
            Section { kind: chunk[0].item.kind(), nodes, open: true }
        })
        .collect()
}

impl Tree {
    pub fn has_headings(&self) -> bool {
        self.sections.len() > 1
    }

    /// All of them, some or none; what a rule leaves out does not count.
    pub fn section_tri(&self, section: &Section) -> Tri {
        let mut seen = None;
        for node in &self.nodes[section.nodes.clone()] {
            match (self.tri(node), seen) {
                (Tri::Out, _) => {}
                (Tri::Some, _) => return Tri::Some,
                (tri, None) => seen = Some(tri),
                (tri, Some(before)) if tri == before => {}
                _ => return Tri::Some,
            }
        }
        seen.unwrap_or(Tri::Out)
    }
}
