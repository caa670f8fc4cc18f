package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The UNet of Stable Diffusion 1.5, its convolutions included. */
@ExtendWith(LeakCheck.class)
class DiffusionTest {
  private static final Path SCRIPT = DiffusionPipeline.MODELS.resolve("unet.pt");

  private static final int LAYERS = 22 + 22 + 14 + 6 + 2 + 16 + 16 + 32 + 16;

  @TempDir Path folder;

  @Test
  void convolutionsComputeMergedWhatTheyComputeLive() {
    try (var scope = OFTScope.open()) {
      ScriptModule base = ScriptModule.load(scope, SCRIPT, Device.cpu(), DType.FLOAT64);
      Object[] inputs = inputs(scope);
      double[] plain = base.forward(inputs).toDoubleArray();
      OFTModel model = OFTModel.create(base, convolutions(false));
      assertEquals(LAYERS, model.layerParameters().size());
      double[] live = model.forward(inputs).toDoubleArray();
      assertTrue(largestDifference(plain, live) > 1e-3);
      try (var _ = model.disabledAdapter()) {
        assertArrayEquals(plain, model.forward(inputs).toDoubleArray());
      }

      model.mergeAdapter();
      assertArrayEquals(live, model.forward(inputs).toDoubleArray(), 1e-11);
      model.unmergeAdapter();
      assertArrayEquals(live, model.forward(inputs).toDoubleArray());
      ScriptModule merged = model.mergeAndUnload(MergeOptions.safe());
      assertArrayEquals(live, merged.forward(inputs).toDoubleArray(), 1e-11);
    }
  }

  @Test
  void convolutionsStartAsTheIdentity() {
    try (var scope = OFTScope.open()) {
      ScriptModule base = ScriptModule.load(scope, SCRIPT, Device.cpu(), DType.FLOAT64);
      Object[] inputs = inputs(scope);
      double[] plain = base.forward(inputs).toDoubleArray();
      OFTModel model = OFTModel.create(base, convolutions(true));
      assertArrayEquals(plain, model.forward(inputs).toDoubleArray(), 1e-12);
    }
  }

  @Test
  void aPipelinesFilesBecomeWhatALiveMergeGives() throws IOException {
    Path pipeline = folder.resolve("pipeline");
    DiffusionPipeline.write(pipeline);
    try (var scope = OFTScope.open()) {
      OFTModel model = OFTModel.create(ScriptModule.load(scope, SCRIPT), convolutions(false));
      model.savePretrained(folder.resolve("adapter"));
      ScriptModule live = model.mergeAndUnload();
      MergeReport report =
          CheckpointMerge.of(pipeline.resolve("unet"))
              .adapter(folder.resolve("adapter"))
              .safe()
              .verify()
              .writeTo(folder.resolve("merged"));
      assertEquals(LAYERS, report.layers().size());
      assertTrue(report.verified());

      Map<String, float[]> merged =
          SafetensorsReader.read(folder.resolve("merged/diffusion_pytorch_model.safetensors"));
      assertEquals(live.parameters().size(), merged.size());
      merged.forEach(
          (name, values) ->
              assertArrayEquals(
                  live.parameter(name).to(DType.FLOAT32).toFloatArray(), values, name));
    }
  }

  /** 1×1: conv_shortcut, proj_in, proj_out. 3×3: the others; "conv" is of down- and upsamplers. */
  private static OFTConfig convolutions(boolean identity) {
    return OFTConfig.builder()
        .targetModules(
            "conv_in",
            "conv1",
            "conv2",
            "conv_shortcut",
            "conv",
            "conv_out",
            "proj_in",
            "proj_out",
            "to_q",
            "ff.net.2")
        .oftBlockSize(4)
        .initWeights(identity)
        .build();
  }

  /** Two noisy samples of 8 by 16, at two times, and three tokens' states for each. */
  private static Object[] inputs(OFTScope scope) {
    return new Object[] {
      waves(scope, 0.7, 2, 4, 8, 16),
      scope.tensor(new long[] {20, 800}),
      waves(scope, 0.3, 2, 3, 16)
    };
  }

  private static Tensor waves(OFTScope scope, double frequency, long... shape) {
    long size = 1;
    for (long length : shape) {
      size *= length;
    }
    double[] values = new double[Math.toIntExact(size)];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.sin(i * frequency) + Math.cos(i * i * frequency);
    }
    return scope.tensor(values, shape);
  }

  private static double largestDifference(double[] a, double[] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(a[i] - b[i]));
    }
    return largest;
  }
}
