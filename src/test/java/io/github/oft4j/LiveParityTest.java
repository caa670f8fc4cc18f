package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Live models compute and learn what PEFT computed and learned with the same adapters. */
@ExtendWith(LeakCheck.class)
class LiveParityTest {
  private static final Path FOLDER = TestData.path("live");
  private static final JsonNode DOCUMENT = TestData.json(FOLDER.resolve("live.json"));
  private static final Map<String, long[]> INPUT_SHAPES =
      Map.of("linear", new long[] {16, 24}, "attention", new long[] {4, 6, 24});

  private final Map<String, float[]> tensors;

  LiveParityTest() throws IOException {
    tensors = SafetensorsReader.read(FOLDER.resolve("live.safetensors"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"linear-exact-plain", "linear-neumann-5-coft-share", "attention-neumann-r"})
  void forwardGradientsAndTrainingAreThoseOfPeft(String name) {
    JsonNode record = record(name);
    String network = record.get("network").textValue();
    try (var scope = OFTScope.open()) {
      ScriptModule base = ScriptModule.load(scope, FOLDER.resolve(network + ".pt"));
      Path adapter = FOLDER.resolve(record.get("adapters").get("default").textValue());
      OFTModel model =
          OFTModel.fromPretrained(base, adapter, "default", true, OFTModelOptions.defaults());
      Tensor x = scope.tensor(tensors.get(network + ".input"), INPUT_SHAPES.get(network));

      Tensor output = model.forward(x);
      assertArrayEquals(tensors.get(name + ".output"), output.toFloatArray(), 2e-6f);

      Tensor target = scope.tensor(tensors.get(network + ".target"), output.shape());
      float[] losses = train(model, x, target, tensors.get(name + ".losses").length, name);
      float[] expected = tensors.get(name + ".losses");
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], losses[i], 1e-5f * expected[i], "step " + i);
      }
      model.eval();
      assertArrayEquals(tensors.get(name + ".trained"), model.forward(x).toFloatArray(), 2e-5f);
    }
  }

  /** The loss of each step of AdamW. */
  private float[] train(OFTModel model, Tensor x, Tensor target, int steps, String name) {
    float[] losses = new float[steps];
    OptimizerOptions options =
        OptimizerOptions.ofLearningRate(DOCUMENT.get("learning_rate").doubleValue())
            .weightDecay(DOCUMENT.get("weight_decay").doubleValue());
    model.train();
    try (Optimizer optimizer =
        Optimizer.builder(Optimizer.Algorithm.ADAM_W)
            .group(model.trainableParameters(), options)
            .build()) {
      for (int i = 0; i < steps; i++) {
        try (var step = x.scope().child()) {
          Tensor loss = model.forward(x.in(step)).mse(target);
          losses[i] = (float) loss.item();
          optimizer.zeroGrad();
          loss.backward();
          if (i == 0) {
            assertGradients(model.layerParameters(), name);
          }
          optimizer.step();
        }
      }
    }
    return losses;
  }

  private void assertGradients(List<LayerParameter> parameters, String name) {
    var gradients = new HashMap<String, float[]>();
    for (LayerParameter parameter : parameters) {
      gradients.put(parameter.name(), parameter.grad().orElseThrow().toFloatArray());
    }
    var names = new TreeSet<String>();
    record(name).get("gradients").forEach(node -> names.add(node.textValue()));
    assertEquals(names, new TreeSet<>(gradients.keySet()));
    gradients.forEach(
        (key, gradient) ->
            assertArrayEquals(tensors.get(name + ".gradient." + key), gradient, 1e-6f, key));
  }

  private static JsonNode record(String name) {
    return DOCUMENT
        .get("cases")
        .valueStream()
        .filter(node -> node.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }
}
