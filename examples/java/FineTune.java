import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.oft4j.MergeOptions;
import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.Tensor;
import io.github.oft4j.train.Metric;
import io.github.oft4j.train.Schedule;
import io.github.oft4j.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Fine-tunes a network that reads handwritten digits until it reads them turned by 90 degrees, too;
 * saves the adapter, merges it, and saves the merged network.
 *
 * <p>Arguments: the folder {@code examples/digits}, and a folder to write.
 */
public final class FineTune {
  private static final int BATCH_SIZE = 32;

  /** Images of 64 pixels, 0 to 16, and the digits on them. */
  private record Batch(float[][] images, long[] labels) {}

  private FineTune() {}

  public static void main(String[] args) throws IOException {
    Path digits = Path.of(args[0]);
    Path out = Files.createDirectories(Path.of(args[1]));
    List<Batch> training = batches(digits.resolve("training.jsonl"));
    List<Batch> test = batches(digits.resolve("test.jsonl"));

    try (var scope = OFTScope.open()) {
      var base = ScriptModule.load(scope, digits.resolve("base.pt"));
      var config = OFTConfig.builder().targetModules("fc1", "fc2").oftBlockSize(32).build();
      var model = OFTModel.create(base, config);
      model.printTrainableParameters();
      System.out.printf("before   %.1f %%%n", 100 * accuracy(scope, model::forward, test));

      Trainer.of(
              model,
              training,
              (step, batch) ->
                  step.forward(step.tensor(batch.images)).crossEntropy(step.tensor(batch.labels)))
          .epochs(10)
          .learningRate(5e-3)
          .schedule(Schedule.cosine())
          .evaluate(Metric.Goal.MAXIMIZE, s -> accuracy(s.scope(), s::forward, test))
          .seed(0)
          .fit();
      System.out.printf("after    %.1f %%%n", 100 * accuracy(scope, model::forward, test));

      model.savePretrained(out.resolve("adapter")); // PEFT reads it
      model.mergeAndUnload(MergeOptions.safe()).save(out.resolve("merged.pt")); // libtorch reads it
      var merged = ScriptModule.load(scope, out.resolve("merged.pt"));
      System.out.printf("merged   %.1f %%%n", 100 * accuracy(scope, merged::forward, test));
    }
  }

  /** A model's method {@code forward}. */
  private interface Forward {
    Tensor of(Object... args);
  }

  /** The share of images whose digit gets the best score. */
  private static double accuracy(OFTScope scope, Forward model, List<Batch> batches) {
    double right = 0;
    double all = 0;
    for (Batch batch : batches) {
      try (var step = scope.child()) {
        Tensor answers = model.of(step.tensor(batch.images)).argmax(1);
        right += answers.eq(step.tensor(batch.labels)).sum().item();
        all += batch.labels.length;
      }
    }
    return right / all;
  }

  /** Reads lines like {@code {"input": [0, 5, ...], "target": 3}}. */
  private static List<Batch> batches(Path file) throws IOException {
    record Example(float[] input, long target) {}
    var json = new ObjectMapper();
    var examples = new ArrayList<Example>();
    for (String line : Files.readAllLines(file)) {
      examples.add(json.readValue(line, Example.class));
    }
    var batches = new ArrayList<Batch>();
    for (int begin = 0; begin < examples.size(); begin += BATCH_SIZE) {
      var part = examples.subList(begin, Math.min(begin + BATCH_SIZE, examples.size()));
      batches.add(
          new Batch(
              part.stream().map(Example::input).toArray(float[][]::new),
              part.stream().mapToLong(Example::target).toArray()));
    }
    return batches;
  }
}
