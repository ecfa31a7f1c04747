//! What the text of one module says, before any name is resolved.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprLit, ImplItemFn, Item, ItemMod, ItemUse, Lit, Macro, MetaList, UseTree,
    VisRestricted,
};

use crate::test_code::is_test;

/// A path as it is written: `["crate", "a", "X"]`. The first segment of `::a::X` is empty.
pub type Segments = Vec<String>;

/// One module: a file, or the block of a `mod name { … }`.
#[derive(Debug, Default)]
pub struct Contents {
    /// Names of the items defined here, except modules.
    pub items: BTreeSet<String>,
    /// Those that `#[macro_export]` moves to the crate's root.
    pub exported_macros: Vec<String>,
    /// All paths; the `use` items of the module itself come first.
    pub imports: Vec<Import>,
    /// The modules declared here.
    pub modules: Vec<Submodule>,
}

/// A leaf of a `use` tree, or a path of at least two segments anywhere else.
#[derive(Debug)]
pub struct Import {
    /// What is imported; for a glob, from where.
    pub path: Segments,
    /// Counted from 1.
    pub line: usize,
    /// The name that a `use` gives it.
    pub name: Option<String>,
    /// Whether it is a `use` that ends in `*`.
    pub glob: bool,
}

/// A `mod` item.
#[derive(Debug)]
pub struct Submodule {
    /// Its name.
    pub name: String,
    /// The value of its `#[path = "…"]`.
    pub path: Option<String>,
    /// Counted from 1.
    pub line: usize,
    /// What is in its braces, if it has some.
    pub block: Option<Contents>,
}

impl Contents {
    /// Collects from the items of a file or block; test code is left out.
    pub fn of(items: &[Item]) -> Self {
        let mut contents = Self::default();
        let (uses, others): (Vec<_>, Vec<_>) = items.iter().partition(|item| matches!(item, Item::Use(_)));
        for item in uses.into_iter().chain(others) {
            let (name, attributes) = head_of(item);
            contents.items.extend(name.filter(|_| !is_test(attributes)).map(text));
            contents.visit_item(item);
        }
        contents
    }

    fn add_path(&mut self, path: Segments, line: usize) {
        if path.len() > 1 {
            self.imports.push(Import { path, line, name: None, glob: false });
        }
    }

    fn add_use(&mut self, tree: &UseTree, mut path: Segments) {
        match tree {
            UseTree::Path(inner) => {
                path.push(text(&inner.ident));
                self.add_use(&inner.tree, path);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, path.clone())),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.imports.push(Import { path, line, name: None, glob: true });
            }
            UseTree::Name(leaf) => self.add_leaf(path, &leaf.ident, &leaf.ident),
            UseTree::Rename(leaf) => self.add_leaf(path, &leaf.ident, &leaf.rename),
        }
    }

    fn add_leaf(&mut self, mut path: Segments, leaf: &Ident, name: &Ident) {
        // `a::{self}` imports `a`.
        if leaf != "self" || path.is_empty() {
            path.push(text(leaf));
        }
        let name = if name == "self" { path.last().cloned() } else { Some(text(name)) };
        self.imports.push(Import { path, line: line_of(leaf), name, glob: false });
    }

    /// Tokens have no syntax tree: everything like `a::b` counts. `line` is that of a string which held the tokens.
    fn scan(&mut self, tokens: TokenStream, in_attribute: bool, line: Option<usize>) {
        let (mut path, mut path_line, mut colons) = (Segments::new(), 0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons < 2 {
                        self.add_path(std::mem::take(&mut path), path_line);
                        path_line = line.unwrap_or_else(|| line_of(&ident));
                    }
                    path.push(text(&ident));
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.scan(group.stream(), in_attribute, line),
                // serde takes paths in strings: `with = "crate::a"`.
                TokenTree::Literal(literal) if in_attribute => {
                    if let Ok(tokens) = literal.to_string().trim_matches('"').parse() {
                        self.scan(tokens, false, Some(literal.span().start().line));
                    }
                }
                _ => {}
            }
            self.add_path(std::mem::take(&mut path), path_line);
            colons = 0;
        }
        self.add_path(path, path_line);
    }
}

impl<'ast> Visit<'ast> for Contents {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = head_of(item);
        if is_test(attributes) {
            return;
        }
        if attributes.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
            self.exported_macros.extend(name.map(text));
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let (name, line) = (text(&module.ident), line_of(&module.ident));
        if name != "tests" {
            let block = module.content.as_ref().map(|(_, items)| Self::of(items));
            self.modules.push(Submodule { name, path: path_attribute(&module.attrs), line, block });
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_use(&item.tree, item.leading_colon.iter().map(|_| String::new()).collect());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| text(&segment.ident));
        let line = path.segments.first().map_or(0, |segment| line_of(&segment.ident));
        self.add_path(path.leading_colon.iter().map(|_| String::new()).chain(names).collect(), line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.scan(invocation.tokens.clone(), false, None);
        visit::visit_macro(self, invocation);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.scan(list.tokens.clone(), true, None);
    }

    /// `pub(in crate::a)` names an ancestor and takes nothing from it.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

fn line_of(ident: &Ident) -> usize {
    ident.span().start().line
}

fn text(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The name that `item` defines, and its attributes. Modules have their own place, other kinds define no name.
pub fn head_of(item: &Item) -> (Option<&Ident>, &[Attribute]) {
    match item {
        Item::Const(item) => (Some(&item.ident), &item.attrs),
        Item::Enum(item) => (Some(&item.ident), &item.attrs),
        Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
        Item::Impl(item) => (None, &item.attrs),
        Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
        Item::Mod(item) => (None, &item.attrs),
        Item::Static(item) => (Some(&item.ident), &item.attrs),
        Item::Struct(item) => (Some(&item.ident), &item.attrs),
        Item::Trait(item) => (Some(&item.ident), &item.attrs),
        Item::Type(item) => (Some(&item.ident), &item.attrs),
        Item::Union(item) => (Some(&item.ident), &item.attrs),
        Item::Use(item) => (None, &item.attrs),
        _ => (None, &[]),
    }
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    match &attribute.meta.require_name_value().ok()?.value {
        Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Some(path.value()),
        _ => None,
    }
}
