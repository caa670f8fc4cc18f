package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;

/** Questions to the library itself. Any number of threads may ask. */
public final class OFT {
  private OFT() {}

  /**
   * Tells what a path holds: an adapter folder, a checkpoint, a diffusers pipeline or a TorchScript
   * file.
   *
   * @param path a file or a folder
   * @return a JSON object whose {@code type} is {@code adapter}, {@code checkpoint}, {@code
   *     pipeline} or {@code torchscript}
   * @throws OFTNotFoundException where nothing is there
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTParseException where it is none of these, or malformed
   */
  public static String describe(Path path) {
    try (var call = new Call()) {
      var text = call.path(path);
      call.check(OftC.oft_describe_path(text.data(), text.size(), call.out(), call.error()));
      return call.takeText();
    }
  }

  /**
   * Versions and instruction sets of the native library.
   *
   * @return a JSON object: versions of oft and libtorch, CUDA, compiler, instruction sets compiled
   *     and chosen
   */
  public static String buildInfo() {
    try (var call = new Call()) {
      return call.text(OftC::oft_build_info);
    }
  }

  /**
   * The version of the native library.
   *
   * @return for example {@code "0.1.0"}
   */
  public static String version() {
    return Json.parse(buildInfo()).get("oft").textValue();
  }

  /**
   * How many native objects exist in this process. For leak tests.
   *
   * @return a count of all types, errors included
   */
  public static long liveHandles() {
    try (var call = new Call()) {
      call.check(OftC.oft_live_handles(call.out(), call.error()));
      return call.outLong();
    }
  }
}
