package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeLibrary;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;

/** The library itself: its start, its end, what it is. Any number of threads may ask. */
public final class OFT {
  private OFT() {}

  /**
   * Begins to load the native library, which takes libtorch a quarter of a second, while the caller
   * goes on. Without it the library is loaded when it is first needed. A failure is thrown to the
   * first who needs the library.
   *
   * @return the daemon thread that loads; a process that exits before it ends may crash in
   *     libtorch, so wait for it, or end by {@link #endProcess}
   */
  public static Thread preload() {
    return NativeLibrary.loadInBackground();
  }

  /**
   * Ends the process at once, without hooks of Java and without the destructors of native
   * libraries: those of libtorch take a tenth of a second to free what the system frees anyway.
   * Nothing that is buffered is written.
   *
   * @param status the exit code
   */
  public static void endProcess(int status) {
    NativeLibrary.endProcess(status);
  }

  /**
   * Tells what a path holds: an adapter folder, a checkpoint, a diffusers pipeline or a TorchScript
   * file.
   *
   * @param path a file or a folder; where there is none, the name of a model in the local cache of
   *     huggingface_hub, {@code org/name[@revision][/folder]}
   * @return a JSON object whose {@code type} is {@code adapter}, {@code checkpoint}, {@code
   *     pipeline} or {@code torchscript}
   * @throws OFTNotFoundException where nothing is there
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTParseException where it is none of these, or malformed
   */
  public static String describe(Path path) {
    try (var call = Call.open()) {
      var text = call.path(path);
      call.check(OftC.oft_describe_path(text.data(), text.size(), call.out(), call.error()));
      return call.takeText();
    }
  }

  /**
   * Versions and instruction sets of the native library.
   *
   * @return a JSON object: versions of oft, libtorch, CUDA (null where there are no kernels for it)
   *     and compiler, how many CUDA devices there are, instruction sets compiled and chosen
   */
  public static String buildInfo() {
    try (var call = Call.open()) {
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
    try (var call = Call.open()) {
      call.check(OftC.oft_live_handles(call.out(), call.error()));
      return call.outLong();
    }
  }
}
