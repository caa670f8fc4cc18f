import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Sends requests for all adapters at once to an {@link AdapterServer}, and compares each answer
 * with what a model of one adapter gives.
 */
final class SelfTest {
  private static final float TOLERANCE = 1e-3f;

  private final ObjectMapper json = new ObjectMapper();
  private final Path base;
  private final List<String> inputs = new ArrayList<>();
  private final float[][] images;

  /** The right answers by the adapter's name, which is empty for the base. */
  private final Map<String, float[]> expected = new LinkedHashMap<>();

  SelfTest(Path base, Map<String, Path> adapters, Path examples) throws IOException {
    this.base = base;
    for (String line : Files.readAllLines(examples)) {
      inputs.add("[" + json.readTree(line).get("input") + "]");
    }
    images = new float[inputs.size()][];
    for (int i = 0; i < images.length; i++) {
      images[i] = json.readValue(inputs.get(i), float[][].class)[0];
    }
    try (var scope = OFTScope.open()) {
      expected.put("", ScriptModule.load(scope, base).forward(scope.tensor(images)).toFloatArray());
    }
    adapters.forEach((name, folder) -> expected.put(name, answersOf(folder)));
  }

  private float[] answersOf(Path adapter) {
    try (var scope = OFTScope.open()) {
      var model = OFTModel.fromPretrained(ScriptModule.load(scope, base), adapter);
      return model.forward(scope.tensor(images)).toFloatArray();
    }
  }

  void run(int port) throws Exception {
    String server = "http://localhost:" + port + "/";
    var answers = new ArrayList<Future<Void>>();
    try (var client = HttpClient.newHttpClient();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < inputs.size(); i++) {
        for (String adapter : expected.keySet()) {
          answers.add(threads.submit(check(client, server, adapter, i)));
        }
      }
      for (Future<Void> answer : answers) {
        answer.get();
      }
      expectFailure(client, server + "nobody", inputs.getFirst(), 404, "nobody");
      expectFailure(client, server, "[[1, 2]]", 400, "");
      expectFailure(client, server, "nonsense", 400, "nonsense");
    }
    System.out.printf(
        "%d concurrent requests for %s: all answers are right%n",
        answers.size(), expected.keySet());
  }

  private Callable<Void> check(HttpClient client, String server, String adapter, int input) {
    return () -> {
      HttpResponse<String> response = post(client, server + adapter, inputs.get(input));
      float[] scores =
          json.treeToValue(json.readTree(response.body()).at("/scores/0"), float[].class);
      float[] right = expected.get(adapter);
      for (int i = 0; i < scores.length; i++) {
        if (!(Math.abs(scores[i] - right[input * scores.length + i]) < TOLERANCE)) {
          throw new AssertionError(
              "input " + input + ", adapter '" + adapter + "': wrong answer " + response.body());
        }
      }
      return null;
    };
  }

  private void expectFailure(
      HttpClient client, String address, String body, int status, String message) throws Exception {
    HttpResponse<String> response = post(client, address, body);
    JsonNode error = json.readTree(response.body()).path("error");
    if (response.statusCode() != status || !error.asText().contains(message)) {
      throw new AssertionError(address + ": " + response.statusCode() + " " + response.body());
    }
  }

  private static HttpResponse<String> post(HttpClient client, String address, String body)
      throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(address))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }
}
