#include "oft/check.hpp"

#include "oft/adapter_file.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

TEST(Check, RotationsKeepTheHypersphericalEnergy) {
  const CheckReport report = check_adapter(data_dir() / "base", data_dir() / "adapters/exact");
  EXPECT_TRUE(report.problems.empty());
  ASSERT_FALSE(report.layers.empty());
  for (const CheckedLayer& layer : report.layers) {
    EXPECT_LT(layer.orthogonality_error, 1e-5) << layer.name;
    EXPECT_EQ(static_cast<std::int64_t>(layer.block_angles.size()), layer.blocks) << layer.name;
    for (const double angle : layer.block_angles) EXPECT_GE(angle, layer.mean_angle * 0.1);
    EXPECT_GT(layer.energy_before, 0) << layer.name;
    EXPECT_NEAR(layer.energy_after / layer.energy_before, 1, 1e-5) << layer.name;
  }
}

TEST(Check, EveryFolderThatPeftWroteFitsItsBase) {
  for (const json& item : read_json(data_dir() / "adapters.json")["adapters"]) {
    SCOPED_TRACE(item["name"].get<std::string>());
    const fs::path adapter = data_dir() / item["adapter"];
    // A Neumann series of random parameters is far from a rotation.
    const CheckReport report = check_adapter(data_dir() / item["base"], adapter, 1e6);
    EXPECT_EQ(report.problems, std::vector<std::string>{});
    EXPECT_EQ(report.maker, AdapterFile::load(adapter).maker());
    EXPECT_FALSE(report.layers.empty());
    for (const CheckedLayer& layer : report.layers) {
      EXPECT_EQ(layer.side, "input");
      EXPECT_EQ(layer.factors, 1);
    }
  }
}

TEST(Check, EnergyIsThatOfItsDefinition) {
  const TemporaryFolder folder;
  // Directions at 0, 90 and 180 degrees, of whatever length: distances sqrt(2), sqrt(2), 2.
  write_tensors(folder / "base.safetensors",
                {{"fc.weight", tensor_of({{3, 0}, {0, 0.5}, {-1, 0}}, at::kFloat)}});
  fs::create_directory(folder / "adapter");
  write_tensors(folder / "adapter/adapter_model.safetensors",
                {{"fc.oft_R.weight", at::zeros({1, 1})}});
  std::ofstream(folder / "adapter/adapter_config.json")
      << R"({"peft_type": "OFT", "peft_version": "0.21.0", "r": 0, "oft_block_size": 2,)"
      << R"( "use_cayley_neumann": false})";
  const CheckReport report = check_adapter(folder / "base.safetensors", folder / "adapter");
  ASSERT_EQ(report.layers.size(), 1U);
  EXPECT_NEAR(report.layers[0].energy_before, (2 / std::sqrt(2.0) + 0.5) / 3, 1e-9);
}

TEST(Check, ProblemsAreCollected) {
  const CheckReport strict =
      check_adapter(data_dir() / "base", data_dir() / "adapters/neumann", 0.0);
  EXPECT_FALSE(strict.problems.empty());

  const TemporaryFolder folder;
  write_tensors(folder / "base.safetensors",
                {{"fc.weight", at::randn({3, 8})}, {"odd.weight", at::randn({3, 9})}});
  fs::create_directory(folder / "adapter");
  write_tensors(folder / "adapter/adapter_model.safetensors",
                {{"fc.oft_R.weight", at::full({2, 6}, NAN)},
                 {"odd.oft_R.weight", at::zeros({2, 6})},
                 {"gone.oft_R.weight", at::zeros({2, 6})},
                 {"stray", at::zeros({1})}});
  std::ofstream(folder / "adapter/adapter_config.json")
      << R"({"peft_type": "OFT", "peft_version": "0.21.0", "r": 0, "oft_block_size": 4,)"
      << R"( "use_cayley_neumann": false})";
  const CheckReport report = check_adapter(folder / "base.safetensors", folder / "adapter");
  EXPECT_EQ(report.problems.size(), 4U);
  EXPECT_EQ(report.missing, std::vector<std::string>{"gone"});
  EXPECT_EQ(report.unused, std::vector<std::string>{"stray"});
  EXPECT_NO_THROW(json::parse(report.to_json()));
  error_of(Status::kInvalidArgument,
           [&] { check_adapter(folder / "base.safetensors", folder / "adapter", -1); });
}

TEST(Describe, TellsWhatAPathHolds) {
  const auto type_of = [](const fs::path& path) {
    return json::parse(describe_path(path))["type"].get<std::string>();
  };
  EXPECT_EQ(type_of(data_dir() / "adapters/exact"), "adapter");
  EXPECT_EQ(type_of(data_dir() / "adapters/exact/adapter_model.safetensors"), "adapter");
  EXPECT_EQ(type_of(data_dir() / "base"), "checkpoint");
  EXPECT_EQ(type_of(data_dir() / "base_sharded"), "checkpoint");
  EXPECT_EQ(type_of(data_dir() / "base/model.safetensors"), "checkpoint");
  const json whole = json::parse(describe_path(data_dir() / "base"));
  const json shards = json::parse(describe_path(data_dir() / "base_sharded"));
  EXPECT_EQ(whole["parameters"], shards["parameters"]);
  EXPECT_EQ(whole["tensor_list"], shards["tensor_list"]);

  const json scripted = json::parse(describe_path(data_dir() / "scripted.pt"));
  EXPECT_EQ(scripted["type"], "torchscript");
  EXPECT_EQ(scripted["parameters"], 8 * 6 + 6 + 6 * 4);
  EXPECT_EQ(scripted["bytes"], 2 * (8 * 6 + 6 + 6 * 4));
  EXPECT_EQ(scripted["methods"], json::array({"forward"}));
  EXPECT_EQ(scripted["parameter_list"][0],
            (json{{"name", "fc1.weight"}, {"dtype", "float16"}, {"shape", {6, 8}}}));
  EXPECT_EQ(scripted["modules"][1], (json{{"name", "fc1"}, {"class", "Linear"}}));

  const TemporaryFolder folder;
  std::ofstream(folder / "junk") << "PK junk";
  error_of(Status::kUnsupported, [&] { describe_path(folder / "junk"); });
  std::ofstream(folder / "text") << "hello";
  error_of(Status::kParse, [&] { describe_path(folder / "text"); });
  error_of(Status::kNotFound, [&] { describe_path(folder / "none"); });
}

}  // namespace
}  // namespace oft
