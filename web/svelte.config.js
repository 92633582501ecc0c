// The class of a component's styles comes from its content alone, so that a build in any folder
// gives the same bytes.
export default {
  compilerOptions: {
    runes: true,
    cssHash: ({ hash, css }) => 'f-' + hash(css),
  },
};
