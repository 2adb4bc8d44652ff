import ContainerRuntime
import Glibc

// The process that image stores unpack in, as a program of its own: tests cannot execute themselves.
// usage: image-unpacker internal-unpack ...
exit(LayerUnpackHelper.run(arguments: Array(CommandLine.arguments.dropFirst(2))))
