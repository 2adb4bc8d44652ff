/// The entry point of `martlet`.
