package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Matches an adapter with a checkpoint and measures each of its rotations, without writing
 * anything. Immutable; any number of threads may use it.
 */
public final class AdapterCheck {
  private final Path base;
  private final Path adapter;
  private final double maxOrthogonalityError;

  private AdapterCheck(Path base, Path adapter, double maxOrthogonalityError) {
    this.base = Objects.requireNonNull(base, "base");
    this.adapter = Objects.requireNonNull(adapter, "adapter");
    this.maxOrthogonalityError = maxOrthogonalityError;
  }

  /**
   * A check that lets an orthogonality error of 0.1 pass.
   *
   * @param base a {@code .safetensors} file, or a folder that holds a model
   * @param adapter an adapter folder
   * @return the check, not run yet
   */
  public static AdapterCheck of(Path base, Path adapter) {
    return new AdapterCheck(base, adapter, 0.1);
  }

  /**
   * Sets how far from orthogonal a rotation may be.
   *
   * @param limit the largest {@code ||RᵀR - I||_F} of a block that is no problem
   * @return a check with this limit
   */
  public AdapterCheck maxOrthogonalityError(double limit) {
    return new AdapterCheck(base, adapter, limit);
  }

  /**
   * Runs the check. What merely fails it is in the report.
   *
   * @return the report
   * @throws OFTNotFoundException where a path or a file in it does not exist
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTParseException where a file is malformed
   * @throws OFTUnsupportedException for adapters of PEFT 0.13 or older, and of other methods
   */
  public CheckReport run() {
    try (var call = Call.open()) {
      var basePath = call.path(base);
      var adapterPath = call.path(adapter);
      call.check(
          OftC.oft_check_adapter(
              basePath.data(),
              basePath.size(),
              adapterPath.data(),
              adapterPath.size(),
              maxOrthogonalityError,
              call.out(),
              call.error()));
      return CheckReport.of(call.takeText());
    }
  }
}
