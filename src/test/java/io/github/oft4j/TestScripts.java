package io.github.oft4j;

import java.nio.file.Path;

/** Small TorchScript models that the native tests use, too. */
final class TestScripts {
  private TestScripts() {}

  static Path path(String name) {
    return TestData.path("scripts").resolve(name + ".pt");
  }

  static ScriptModule load(OFTScope scope, String name) {
    return ScriptModule.load(scope, path(name));
  }

  /** fc1 Linear(16, 32), fc2 Linear(32, 32), head Linear(32, 4). */
  static ScriptModule mlp(OFTScope scope) {
    return load(scope, "mlp_scripted");
  }

  /** Targets fc1 and fc2 of the {@link #mlp} with random rotations. */
  static OFTConfig config() {
    return OFTConfig.builder()
        .targetModules("fc1", "fc2")
        .oftBlockSize(8)
        .initWeights(false)
        .build();
  }

  /** An input of the {@link #mlp}. */
  static Tensor input(OFTScope scope, int rows) {
    float[] x = new float[rows * 16];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) Math.sin(i + 1);
    }
    return scope.tensor(x, rows, 16);
  }
}
