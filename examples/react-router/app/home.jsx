export const loader = () => ({ bread: "barley" });

export default function Home({ loaderData }) {
  return <h1>Fresh {loaderData.bread} from React Router</h1>;
}
