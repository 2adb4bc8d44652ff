/// The entry point of `martlet`.
import Commands

Program.main()
