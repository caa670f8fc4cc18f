import io.github.oft4j.CheckpointMerge;
import io.github.oft4j.DType;
import io.github.oft4j.Device;
import io.github.oft4j.MergeOptions;
import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Optimizer;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;

/**
 * Adapts both networks of Stable Diffusion, with the configurations of PEFT's example of its class
 * OFTModel: teaches them what a new word looks like, saves the adapters, and merges them.
 *
 * <p>Arguments: a folder with text_encoder.pt and unet.pt, such as {@code examples/diffusion}; a
 * folder to write; and, where it is to be merged as well, the same models' pipeline folder.
 */
public final class StableDiffusion {
  private static final OFTConfig TEXT_ENCODER =
      OFTConfig.builder()
          .r(8)
          .targetModules("k_proj", "q_proj", "v_proj", "out_proj", "fc1", "fc2")
          .moduleDropout(0.0)
          .initWeights(true)
          .build();
  private static final OFTConfig UNET =
      OFTConfig.builder()
          .r(8)
          .targetModules(
              "proj_in",
              "proj_out",
              "to_k",
              "to_q",
              "to_v",
              "to_out.0",
              "ff.net.0.proj",
              "ff.net.2")
          .moduleDropout(0.0)
          .initWeights(true)
          .build();

  private static final int STEPS = 30;
  private static final double LEARNING_RATE = 1e-2;
  private static final int BATCH_SIZE = 16;
  private static final int TIMESTEPS = 1000;
  private static final int CHANNELS = 4;
  private static final int SIZE = 8;
  private static final long[] PROMPT = {
    62, 4, 63
  }; // start, a word that the base does not know, end
  private static final double ROUNDING = 1e-4; // of a hundred layers in float32

  /** Noisy images of the word, and the noise that is to be found in them. */
  private record Batch(float[] noisy, long[] timesteps, float[] noise) {}

  /** A network's method {@code forward}. */
  private interface Forward {
    Tensor of(Object... args);
  }

  private StableDiffusion() {}

  public static void main(String[] args) throws IOException {
    Path models = Path.of(args[0]);
    Path out = Files.createDirectories(Path.of(args[1]));
    var random = new Random(0);
    try (var scope = OFTScope.open()) {
      var textEncoder =
          OFTModel.create(load(scope, models.resolve("text_encoder.pt")), TEXT_ENCODER);
      var unet = OFTModel.create(load(scope, models.resolve("unet.pt")), UNET);
      textEncoder.printTrainableParameters();
      unet.printTrainableParameters();

      Batch unseen = batch(random);
      report("before", loss(scope, textEncoder::forward, unet::forward, unseen));
      train(scope, textEncoder, unet, random);
      report("after", loss(scope, textEncoder::forward, unet::forward, unseen));
      textEncoder.savePretrained(out.resolve("text_encoder_adapter")); // PEFT reads them
      unet.savePretrained(out.resolve("unet_adapter"));

      Tensor live = noise(scope, textEncoder::forward, unet::forward, unseen);
      var mergedTextEncoder = textEncoder.mergeAndUnload(MergeOptions.safe());
      var mergedUnet = unet.mergeAndUnload(MergeOptions.safe());
      Tensor merged = noise(scope, mergedTextEncoder::forward, mergedUnet::forward, unseen);
      report("merged", loss(scope, mergedTextEncoder::forward, mergedUnet::forward, unseen));
      double difference = merged.sub(live).abs().max().item();
      System.out.printf("merged and live outputs differ by %.1e at most%n", difference);
      if (!(difference < ROUNDING)) {
        throw new AssertionError("that is more than rounding");
      }
      mergedTextEncoder.save(out.resolve("text_encoder.pt"));
      mergedUnet.save(out.resolve("unet.pt"));
    }
    if (args.length > 2) {
      mergePipeline(Path.of(args[2]), out);
    }
  }

  /** In float32, whatever the file holds. */
  private static ScriptModule load(OFTScope scope, Path file) {
    return ScriptModule.load(scope, file, Device.cpu(), DType.FLOAT32);
  }

  private static void train(OFTScope scope, OFTModel textEncoder, OFTModel unet, Random random) {
    var parameters = new ArrayList<>(textEncoder.trainableParameters());
    parameters.addAll(unet.trainableParameters());
    textEncoder.train();
    unet.train();
    try (var optimizer = Optimizer.adamW(parameters, LEARNING_RATE)) {
      for (int i = 0; i < STEPS; i++) {
        try (var step = scope.child()) {
          Tensor loss = meanSquare(step, textEncoder::forward, unet::forward, batch(random));
          optimizer.zeroGrad();
          loss.backward();
          optimizer.step();
        }
      }
    }
    textEncoder.eval();
    unet.eval();
  }

  private static double loss(OFTScope scope, Forward textEncoder, Forward unet, Batch batch) {
    try (var step = scope.child()) {
      return meanSquare(step, textEncoder, unet, batch).item();
    }
  }

  private static Tensor meanSquare(OFTScope scope, Forward textEncoder, Forward unet, Batch batch) {
    return noise(scope, textEncoder, unet, batch)
        .mse(scope.tensor(batch.noise, BATCH_SIZE, CHANNELS, SIZE, SIZE));
  }

  /** The noise that the networks find. */
  private static Tensor noise(OFTScope scope, Forward textEncoder, Forward unet, Batch batch) {
    var prompts = new long[BATCH_SIZE][];
    Arrays.fill(prompts, PROMPT);
    return unet.of(
        scope.tensor(batch.noisy, BATCH_SIZE, CHANNELS, SIZE, SIZE),
        scope.tensor(batch.timesteps),
        textEncoder.of(scope.tensor(prompts)));
  }

  /** Waves along the diagonal, under more or less noise. */
  private static Batch batch(Random random) {
    var batch =
        new Batch(
            new float[BATCH_SIZE * CHANNELS * SIZE * SIZE],
            new long[BATCH_SIZE],
            new float[BATCH_SIZE * CHANNELS * SIZE * SIZE]);
    int pixel = 0;
    for (int image = 0; image < BATCH_SIZE; image++) {
      batch.timesteps[image] = random.nextInt(TIMESTEPS);
      double angle = batch.timesteps[image] * Math.PI / 2 / TIMESTEPS;
      for (int channel = 0; channel < CHANNELS; channel++) {
        for (int y = 0; y < SIZE; y++) {
          for (int x = 0; x < SIZE; x++, pixel++) {
            double wave = Math.cos((x + y) * 2 * Math.PI / SIZE + channel * Math.PI / 2);
            batch.noise[pixel] = (float) random.nextGaussian();
            batch.noisy[pixel] =
                (float) (Math.cos(angle) * wave + Math.sin(angle) * batch.noise[pixel]);
          }
        }
      }
    }
    return batch;
  }

  /** The same from file to file, with no model in memory. */
  private static void mergePipeline(Path pipeline, Path out) {
    var report =
        CheckpointMerge.of(pipeline)
            .adapter("text_encoder", out.resolve("text_encoder_adapter"))
            .adapter("unet", out.resolve("unet_adapter"))
            .safe()
            .verify()
            .writeTo(out.resolve("pipeline"));
    System.out.printf(
        "%d layers of the pipeline merged, rotations orthogonal to %.1e%n",
        report.layers().size(), report.orthogonalityError());
  }

  private static void report(String label, double loss) {
    System.out.printf("%-8s loss %.4f%n", label, loss);
  }
}
