/// The entry point of `martlet-supervisor`.
