interface ImportMeta {
  /** What Vite makes of the file .env. */
  readonly env: { readonly VITE_API: string };
}
